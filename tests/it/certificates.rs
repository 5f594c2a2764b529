//! GitHub is who its certificate says, or nobody: the real binary against real TLS.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, Stream};
use serde_json::Value;

use crate::process::{PATIENCE, Serving, serve};
use crate::support::{Engine, KEY, SECRET, TestDatabase};

/// An authority that the service is told to trust.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "the tests' authority");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    fn issues(&self, params: &CertificateParams) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        server(certificate.der().clone(), &key)
    }
}

fn self_signed() -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let certificate = good().self_signed(&key).unwrap();
    server(certificate.der().clone(), &key)
}

fn server(certificate: rustls::pki_types::CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .unwrap()
}

fn good() -> CertificateParams {
    CertificateParams::new(["localhost".to_owned()]).unwrap()
}

fn expired() -> CertificateParams {
    let mut params = good();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    params
}

fn of_another_host() -> CertificateParams {
    CertificateParams::new(["api.github.com".to_owned()]).unwrap()
}

/// A server that notes what it is asked once a handshake has succeeded.
struct Listener {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    connected: Arc<AtomicUsize>,
}

impl Listener {
    fn start(config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, connected) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
        let (config, seen, count) = (Arc::new(config), Arc::clone(&asked), connected.clone());
        // It ends with the process: nobody connects any more.
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                let answered = socket.and_then(|socket| answer(socket, config.clone()));
                let seen: &Mutex<Vec<String>> = &seen;
                seen.lock().unwrap().extend(answered);
            }
        });
        Self {
            port,
            asked,
            connected,
        }
    }
}

/// The first line of a request; an error where there was no handshake.
fn answer(mut socket: std::net::TcpStream, config: Arc<ServerConfig>) -> std::io::Result<String> {
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut tls = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = Stream::new(&mut tls, &mut socket);
    let mut begin = [0; 1024];
    let read = stream.read(&mut begin)?;
    stream.write_all(b"HTTP/1.1 500 x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    let text = String::from_utf8_lossy(&begin[..read]).into_owned();
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Starts the service against the listener, and waits until it has tried; what it says of its attempt.
async fn attempt(listener: &Listener, roots: &Path) -> String {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let mut command = serve(&database.url);
    command
        .env("SSL_CERT_FILE", roots)
        .env(
            "GITHUB_API_URL",
            format!("https://localhost:{}", listener.port),
        )
        .env("GITHUB_APP_ID", "4242")
        .env("GITHUB_APP_PRIVATE_KEY", KEY)
        .env("GITHUB_WEBHOOK_SECRET", SECRET);
    let serving = Serving::spawn(command).await;
    let trying = async {
        loop {
            let jobs = serving
                .api
                .get("/jobs?kind=installation_poll")
                .await
                .expect(200)
                .json();
            let error = jobs.as_array().into_iter().flatten().find_map(error_of);
            if let Some(error) = error {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let error = tokio::time::timeout(PATIENCE, trying).await;
    serving.stop().await;
    database.drop().await;
    error.expect("an attempt that failed")
}

fn error_of(job: &Value) -> Option<String> {
    Some(job["errors"][0]["error"].as_str()?.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g11_without_a_good_certificate_github_is_asked_nothing() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, &authority.pem).unwrap();

    let trusted = Listener::start(authority.issues(&good()));
    attempt(&trusted, &roots).await;
    let asked = trusted.asked.lock().unwrap().clone();
    assert!(
        asked[0].starts_with("GET /app"),
        "the authority is trusted: {asked:?}"
    );

    let cases = [
        ("expired", authority.issues(&expired())),
        ("self-signed", self_signed()),
        ("of another host", authority.issues(&of_another_host())),
    ];
    for (what, config) in cases {
        let listener = Listener::start(config);
        let error = attempt(&listener, &roots).await;
        assert!(error.contains("certificate"), "{what}: {error}");
        assert!(listener.connected.load(Ordering::SeqCst) > 0, "{what}");
        assert_eq!(listener.asked.lock().unwrap().len(), 0, "{what}");
    }
}
