use super::Findings;
use crate::watch::{Logs, Sizes};

/// I8 and I11, of the processes.
pub fn processes(sizes: &Sizes, seen: &Logs, findings: &mut Findings) {
    let peak = sizes.peak();
    if peak.resident_kib > 512 * 1024 || peak.files > 1024 {
        findings.wrong(format!("I8: a process held {peak:?}"));
    }
    findings.count("I8", 1);
    logs(seen, findings);
}

/// I7 and I11, of the logs.
fn logs(logs: &Logs, findings: &mut Findings) {
    let seen = logs.seen();
    findings.count("I7", usize::try_from(seen.lines).unwrap_or(usize::MAX));
    findings.count("I11", 1);
    for leak in seen.leaks {
        findings.wrong(format!("I7: {leak}"));
    }
    for panic in seen.panics {
        findings.wrong(format!("I11: {panic}"));
    }
    for complaint in seen.complaints {
        findings.wrong(format!("I11: {complaint}"));
    }
    for ended in seen.ended.iter().filter(|ended| !ended.at_start) {
        findings.wrong(format!(
            "I11: {} ended by itself: {}",
            ended.slot, ended.status
        ));
    }
}
