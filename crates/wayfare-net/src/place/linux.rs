//! File systems by the numbers that Linux has for them (statfs(2)).

use std::io;
use std::path::Path;

/// The name of the network file system that `path` lies on; nothing for one of this machine.
///
/// Locks and shared memory between processes cannot be relied on there.
///
/// # Errors
/// The operating system's error if there is no such path.
pub fn network_file_system(path: &Path) -> io::Result<Option<&'static str>> {
    let facts = rustix::fs::statfs(path)?;
    // The type is signed on some machines and unsigned on others; its low 32 bits are the number.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let kind = facts.f_type as u32;
    Ok(NETWORKED.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name))
}

const NETWORKED: &[(u32, &str)] = &[
    (0x0000_517b, "smb"),
    (0x0000_564c, "ncp"),
    (0x0000_6969, "nfs"),
    (0x00c3_6400, "ceph"),
    (0x0102_1997, "9p"),
    (0x0bd0_0bd0, "lustre"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "kafs"),
    (0x7375_7245, "coda"),
    (0xfe53_4d42, "smb"),
    (0xff53_4d42, "cifs"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_no_network_and_a_path_that_is_none_is_an_error() {
        assert_eq!(network_file_system(Path::new("/proc")).unwrap(), None);
        assert!(network_file_system(Path::new("/proc/nothing/here")).is_err());
    }
}
