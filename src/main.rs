use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    bindery::cli::main().await
}
