//! The memory that this process may use, where a control group bounds it: a container's limit.

/// Where Linux states it to the processes in the group (cgroup v2, `memory.max`).
const MEMORY_MAX: &str = "/sys/fs/cgroup/memory.max";

/// The default bound of all image work's memory, in bytes, if nothing bounds the process.
const WORK_MEMORY_BYTES: u64 = 1 << 30;

/// The default bound of all image work's memory, in bytes, here: at most half of what the process may use, since
/// originals, finished pictures and the rest of it need room, too (DOS-10).
pub(super) fn work_memory_bytes(least: u64) -> u64 {
    let limit = std::fs::read_to_string(MEMORY_MAX).ok();
    limit.and_then(|text| limit_bytes(&text)).map_or(WORK_MEMORY_BYTES, |limit| half_of(limit, least))
}

/// A number of bytes, or `max`: none.
fn limit_bytes(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

fn half_of(limit_bytes: u64, least: u64) -> u64 {
    (limit_bytes / 2).clamp(least.min(WORK_MEMORY_BYTES), WORK_MEMORY_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos10_image_work_has_half_of_a_container_s_memory_by_default() {
        for text in ["max", "max\n", "", "\n", "-1", "512M", "1e9", "18446744073709551616"] {
            assert_eq!(limit_bytes(text), None, "{text:?}");
        }
        assert_eq!(limit_bytes("536870912\n"), Some(512 << 20));
        for (limit, half) in [(512 << 20, 256 << 20), (64 << 30, WORK_MEMORY_BYTES), (1 << 20, 64 << 20)] {
            assert_eq!(half_of(limit, 64 << 20), half, "{limit}");
        }
    }
}
