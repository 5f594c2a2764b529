//! Registering a GitHub App for a Bindery by GitHub's manifest flow: a page that posts what the App shall be, a
//! person who confirms it at GitHub, a code that comes back, and a folder with what `serve` needs.

mod door;
mod manifest;
mod page;
mod pasted;
mod site;
mod written;

pub use door::Door;
pub use manifest::{MAX_NAME, Webhook, Wish};
pub use pasted::{NotACode, read_pasted};
pub use site::Site;
pub use written::{Folder, SECRETS, Written};

/// What an answer must carry to be one to this registration: nobody else can know it.
pub fn new_state() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

/// A webhook's secret, where GitHub made none.
pub fn new_secret() -> secrecy::SecretString {
    hex::encode(rand::random::<[u8; 32]>()).into()
}
