//! Opening a PostgreSQL connection, with TLS as `sslmode` says.

use std::sync::Arc;
use std::time::Duration;

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Everything needed to open one more connection.
#[derive(Clone)]
pub(super) struct PostgresConnector {
    config: tokio_postgres::Config,
    tls: Option<MakeRustlsConnect>,
    setup: String,
}

impl PostgresConnector {
    /// Understands what libpq's users write: `sslmode` `disable`, `allow`, `prefer` (the default),
    /// `require`, `verify-ca` and `verify-full`, and `sslrootcert` (a PEM file, or `system`).
    pub(super) fn new(url: &str, statement_timeout: Duration) -> anyhow::Result<Self> {
        let (url, tls) = TlsWishes::split_from(url)?;
        let mut config: tokio_postgres::Config = url
            .parse()
            .map_err(|error| anyhow::anyhow!("DATABASE_URL is not a PostgreSQL URL: {error}"))?;
        config
            .application_name("bindery")
            .connect_timeout(Duration::from_secs(5))
            .ssl_mode(tls.mode.driver_mode())
            // A dead peer is noticed within the job lease, not after the kernel's fifteen minutes.
            .tcp_user_timeout(Duration::from_secs(20))
            .keepalives_idle(Duration::from_secs(15))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3);
        let setup = format!(
            "SET synchronous_commit = on; SET timezone = 'UTC'; SET statement_timeout = {millis}; \
             SET idle_in_transaction_session_timeout = 60000",
            millis = statement_timeout.as_millis()
        );
        Ok(Self {
            config,
            tls: tls.connector()?,
            setup,
        })
    }

    pub(super) async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        let mut connection = match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(bad)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await?
            }
            None => {
                let (client, connection) = self
                    .config
                    .connect(tokio_postgres::NoTls)
                    .await
                    .map_err(bad)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await?
            }
        };
        connection
            .batch_execute(&self.setup)
            .await
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    }
}

/// tokio-postgres names neither user nor password in its errors; its source says what went wrong.
#[expect(clippy::needless_pass_by_value, reason = "a `map_err` hands it over")]
fn bad(error: tokio_postgres::Error) -> ConnectionError {
    let cause = std::error::Error::source(&error)
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    ConnectionError::BadConnection(format!("{error}{cause}"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SslMode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl SslMode {
    fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(match text {
            "disable" => Self::Disable,
            // libpq's `allow` tries without TLS first; to prefer it gives away nothing.
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            other => anyhow::bail!(
                "DATABASE_URL has sslmode={other}: give disable, allow, prefer, require, verify-ca or verify-full"
            ),
        })
    }

    fn driver_mode(self) -> tokio_postgres::config::SslMode {
        match self {
            Self::Disable => tokio_postgres::config::SslMode::Disable,
            Self::Prefer => tokio_postgres::config::SslMode::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => {
                tokio_postgres::config::SslMode::Require
            }
        }
    }
}

/// What a URL says about TLS.
#[derive(Debug, PartialEq, Eq)]
struct TlsWishes {
    mode: SslMode,
    root_cert: Option<String>,
}

impl TlsWishes {
    /// Takes `sslmode` and `sslrootcert` out of the URL: the driver knows only half of their values.
    fn split_from(url: &str) -> anyhow::Result<(String, Self)> {
        let mut wishes = Self {
            mode: SslMode::Prefer,
            root_cert: None,
        };
        let Some((base, query)) = url.split_once('?') else {
            return Ok((url.to_owned(), wishes));
        };
        let mut kept = Vec::new();
        for pair in query.split('&') {
            match pair.split_once('=') {
                Some(("sslmode", mode)) => wishes.mode = SslMode::parse(mode)?,
                Some(("sslrootcert", path)) => {
                    let path = percent_encoding::percent_decode_str(path).decode_utf8()?;
                    wishes.root_cert = Some(path.into_owned());
                }
                _ => kept.push(pair),
            }
        }
        let url = if kept.is_empty() {
            base.to_owned()
        } else {
            format!("{base}?{}", kept.join("&"))
        };
        // As libpq has it: with a root certificate at hand, `require` means `verify-ca`.
        if wishes.mode == SslMode::Require && wishes.root_cert.is_some() {
            wishes.mode = SslMode::VerifyCa;
        }
        Ok((url, wishes))
    }

    fn connector(&self) -> anyhow::Result<Option<MakeRustlsConnect>> {
        let check = match self.mode {
            SslMode::Disable => return Ok(None),
            SslMode::Prefer | SslMode::Require => Check::Nothing,
            SslMode::VerifyCa => Check::Authority,
            SslMode::VerifyFull => Check::AuthorityAndName,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let roots = if check == Check::Nothing {
            None
        } else {
            Some(Arc::new(self.roots()?))
        };
        let webpki = roots
            .map(|roots| {
                WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build()
            })
            .transpose()?;
        let verifier = Arc::new(Verifier {
            check,
            webpki,
            provider: provider.clone(),
        });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(Some(MakeRustlsConnect::new(config)))
    }

    fn roots(&self) -> anyhow::Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        match self.root_cert.as_deref() {
            None | Some("system") => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Some(path) => {
                let certificates = CertificateDer::pem_file_iter(path)
                    .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                    .map_err(|error| {
                        anyhow::anyhow!("DATABASE_URL has sslrootcert={path}: {error}")
                    })?;
                roots.add_parsable_certificates(certificates);
            }
        }
        anyhow::ensure!(
            !roots.is_empty(),
            "no root certificate to verify the database's with: set sslrootcert"
        );
        Ok(roots)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Nothing,
    Authority,
    AuthorityAndName,
}

/// Verifies as much of the server's certificate as the `sslmode` asks for.
#[derive(Debug)]
struct Verifier {
    check: Check,
    webpki: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<rustls::crypto::CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(webpki) = &self.webpki else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified =
            webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The chain is checked before the name, so this error says that the chain was good.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Authority => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(url: &str) -> (String, TlsWishes) {
        TlsWishes::split_from(url).expect("a URL")
    }

    #[test]
    fn sslmode_means_what_libpq_means() {
        assert_eq!(wishes("postgres://h/d").1.mode, SslMode::Prefer);
        for (text, mode) in [
            ("disable", SslMode::Disable),
            ("allow", SslMode::Prefer),
            ("prefer", SslMode::Prefer),
            ("require", SslMode::Require),
            ("require&sslrootcert=/ca.pem", SslMode::VerifyCa),
            ("verify-ca", SslMode::VerifyCa),
            ("verify-full", SslMode::VerifyFull),
        ] {
            assert_eq!(
                wishes(&format!("postgres://h/d?sslmode={text}")).1.mode,
                mode,
                "{text}"
            );
        }
        let error = TlsWishes::split_from("postgres://h/d?sslmode=yes").unwrap_err();
        assert!(error.to_string().contains("give disable"), "{error}");
    }

    #[test]
    fn leaves_the_drivers_own_parameters_in_the_url() {
        let (url, wishes) =
            wishes("postgres://h/d?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fca.pem");
        assert_eq!(url, "postgres://h/d?connect_timeout=3");
        assert_eq!(wishes.root_cert.as_deref(), Some("/ca.pem"));
    }
}
