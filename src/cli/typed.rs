//! What is typed.

use tokio::sync::mpsc;

/// Its lines, until its end. A thread of its own reads them, which ends with the process: Tokio's would keep the
/// process until the next line.
pub(super) fn lines() -> mpsc::Receiver<String> {
    let (typed, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if typed.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}
