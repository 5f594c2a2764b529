//! Who we are to GitHub: the App by a JWT of its private key, an installation by a token minted with that.

mod jwt;
mod private_key;
mod token;

pub(crate) use jwt::AppSigner;
pub use private_key::{PrivateKeyError, PrivateKeyPem};
pub(crate) use token::{InstallationToken, TokenCache};
