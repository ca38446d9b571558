//! What this machine was told about a script that chooses proxies: the files of DHCP clients, and
//! the domains that complete names.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use url::Url;
use wayfare_proto::route::wpad;
use wayfare_proto::wire::dhcp_lease::{in_dhclient, in_network_manager, in_networkd};
use wayfare_proto::wire::resolv_conf::ResolvConf;

/// The places where this machine's network may have put a script, to be tried in order; see
/// [`wpad::places`].
///
/// Read are the leases of dhclient, NetworkManager and systemd-networkd, as far as this user may
/// read them, and `/etc/resolv.conf`. It reads files, so it is not for a runtime's thread.
#[must_use]
pub fn places() -> Vec<Url> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    places_under(Path::new("/"), since.as_secs())
}

/// The same of a machine whose files are under `root`, at a time in seconds since 1970.
fn places_under(root: &Path, now: u64) -> Vec<Url> {
    let mut announced = Vec::new();
    for folder in ["var/lib/dhcp", "var/lib/dhclient"] {
        let is_lease = |name: &str| name.ends_with(".lease") || name.ends_with(".leases");
        for text in texts_in(&root.join(folder), is_lease) {
            announced.extend(in_dhclient(&text, now));
        }
    }
    let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    for text in texts_in(&root.join("run/NetworkManager/devices"), is_number) {
        announced.extend(in_network_manager(&text));
    }
    for text in texts_in(&root.join("run/systemd/netif/leases"), is_number) {
        announced.extend(in_networkd(&text));
    }
    let conf = text_of(&root.join("etc/resolv.conf")).unwrap_or_default();
    wpad::places(&announced, &ResolvConf::parse(&conf).search)
}

/// The files of a folder with such names, in the order of these; none if it cannot be read.
fn texts_in(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .take(MOST_FILES)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(&is_wanted))
        .collect();
    paths.sort();
    paths.iter().filter_map(|path| text_of(path)).collect()
}

fn text_of(path: &Path) -> Option<String> {
    // Opening a pipe would wait for whoever writes.
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

const MOST_FILES: usize = 1000;
const MOST_BYTES: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_every_client_are_heard_and_the_domains_come_last() {
        let root = std::env::temp_dir().join(format!("wayfare-announced-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(places_under(&root, 0), [], "nothing is there");
        let lease = "lease { option wpad \"http://isc.test/\"; expire epoch 100; }";
        write("var/lib/dhcp/dhclient.eth0.leases", lease);
        write("var/lib/dhcp/notes", "lease { option wpad \"http://no.test/\"; }");
        write("run/NetworkManager/devices/2", "[dhcp4]\nwpad=http://nm.test/\n");
        write("run/systemd/netif/leases/3", "OPTION_252=687474703a2f2f6e642e74657374\n");
        write("etc/resolv.conf", "search corp.test test\n");
        fs::create_dir_all(root.join("run/systemd/netif/leases/4")).unwrap();
        let found = |now| {
            let found: Vec<_> = places_under(&root, now).iter().map(Url::to_string).collect();
            found.join(" ")
        };
        let rest = "http://nm.test/ http://nd.test/ http://wpad.corp.test/wpad.dat";
        assert_eq!(found(99), format!("http://isc.test/ {rest}"));
        assert_eq!(found(100), rest);
        fs::remove_dir_all(&root).unwrap();
    }
}
