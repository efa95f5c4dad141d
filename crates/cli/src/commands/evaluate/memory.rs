//! The most memory that the process has had, where the operating system tells it (Linux).

use std::fs;

/// Starts to count anew from what the process has now; where that cannot be, the count goes on.
pub(super) fn reset_peak() {
    // 5: the peak of resident memory. Refused by some containers.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

pub(super) fn peak_mib() -> Option<u64> {
    peak_of(&fs::read_to_string("/proc/self/status").ok()?)
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib.div_ceil(1_024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_kib_and_told_in_mib() {
        assert_eq!(peak_of("VmPeak:\t  999 kB\nVmHWM:\t   2049 kB\nVmRSS:\t 1 kB\n"), Some(3));
        assert_eq!(peak_of("VmHWM:\t many kB\n"), None);
        assert_eq!(peak_of(""), None);
    }
}
