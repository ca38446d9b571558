//! A Kerberos realm of a test's own, and servers that know its tickets.

#![allow(unreachable_pub, clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::daemon::{PROGRAMS, Running, find, place, start};
use crate::it::free_port;

/// A realm with the users `ada` and `ben`, and the service `HTTP/localhost`.
pub struct Realm {
    center: Running,
}

/// What a program finds in its environment.
pub type Environment = Vec<(&'static str, PathBuf)>;

impl Realm {
    /// Starts one, if its programs are installed.
    pub fn start() -> Option<Self> {
        let center = find("krb5kdc", PROGRAMS)?;
        find("kinit", PROGRAMS)?;
        let (directory, port) = (place("realm", &[]), free_port());
        let root = directory.0.display();
        let server = format!(
            "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n\
             [realms]\n {NAME} = {{\n  database_name = {root}/principal\n\
             \x20 key_stash_file = {root}/stash\n  acl_file = {root}/acl\n }}\n\
             [logging]\n kdc = FILE:{root}/log\n"
        );
        for (file, looks_up, realm) in
            [("krb5.conf", false, NAME), (LOOKING_UP, true, NAME), (ELSEWHERE, false, "ELSE.TEST")]
        {
            let client = format!(
                "[libdefaults]\n default_realm = {NAME}\n dns_lookup_kdc = false\n\
                 \x20dns_lookup_realm = false\n udp_preference_limit = 1\n\
                 \x20dns_canonicalize_hostname = {looks_up}\n rdns = {looks_up}\n\
                 [realms]\n {NAME} = {{\n  kdc = 127.0.0.1:{port}\n }}\n\
                 [domain_realm]\n localhost = {realm}\n"
            );
            fs::write(directory.join(file), client).unwrap();
        }
        fs::write(directory.join("kdc.conf"), server).unwrap();
        let keytab = directory.join("keytab");
        let run = |program: &str, arguments: &[&str]| {
            let program = find(program, PROGRAMS).unwrap();
            let mut command = Command::new(program);
            command.envs(environment(&directory.0)).args(arguments);
            let ended = command.output().unwrap();
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        };
        run("kdb5_util", &["create", "-s", "-P", "master", "-r", NAME]);
        for query in [
            "addprinc -pw secret ada".to_owned(),
            "addprinc -pw secret ben".to_owned(),
            "addprinc -randkey HTTP/localhost".to_owned(),
            format!("ktadd -k {} HTTP/localhost", keytab.display()),
        ] {
            run("kadmin.local", &["-q", &query]);
        }
        // Servers go on as another user.
        fs::set_permissions(&keytab, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let mut command = Command::new(center);
        command.arg("-n").envs(environment(&directory.0));
        Some(Self { center: start(command, directory, &[port]) })
    }

    fn root(&self) -> &Path {
        &self.center.directory.0
    }

    pub fn keytab(&self) -> PathBuf {
        self.root().join("keytab")
    }

    /// What programs of servers need.
    pub fn environment(&self) -> Environment {
        environment(self.root())
    }

    /// What a client needs that has this user's ticket.
    pub fn logged_in(&self, user: &str, life: &str) -> Environment {
        let cache = self.root().join(format!("tickets-{user}-{life}"));
        let mut command = Command::new(find("kinit", PROGRAMS).unwrap());
        command.arg("-c").arg(&cache).args(["-l", life, user]).envs(self.environment());
        let command = command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut process = command.spawn().unwrap();
        process.stdin.take().unwrap().write_all(b"secret\n").unwrap();
        assert!(process.wait().unwrap().success(), "{user} has no ticket");
        [self.environment(), vec![("KRB5CCNAME", cache)]].concat()
    }

    /// The same, where the library is told to look up what a host is called.
    pub fn logged_in_where_names_are_looked_up(&self, user: &str) -> Environment {
        self.logged_in_under(user, LOOKING_UP)
    }

    /// The same, where the library is told that the service is of another realm.
    pub fn logged_in_where_services_are_elsewhere(&self, user: &str) -> Environment {
        self.logged_in_under(user, ELSEWHERE)
    }

    fn logged_in_under(&self, user: &str, settings: &str) -> Environment {
        let settings = vec![("KRB5_CONFIG", self.root().join(settings))];
        [self.logged_in(user, "1h"), settings].concat()
    }

    /// The same with a ticket that is good no more.
    pub fn logged_in_too_long_ago(&self) -> Environment {
        let environment = self.logged_in("ada", "1s");
        std::thread::sleep(Duration::from_millis(2100));
        environment
    }

    /// What a client needs that has no ticket.
    pub fn logged_out(&self) -> Environment {
        [self.environment(), vec![("KRB5CCNAME", self.root().join("nothing"))]].concat()
    }
}

fn environment(root: &Path) -> Environment {
    vec![("KRB5_CONFIG", root.join("krb5.conf")), ("KRB5_KDC_PROFILE", root.join("kdc.conf"))]
}

/// Apache with places for `ada`.
pub struct Apache {
    _running: Running,
    /// Without and with TLS.
    pub bases: [String; 2],
}

impl Apache {
    pub fn start(realm: &Realm) -> Option<Self> {
        let program = find("apache2", PROGRAMS)?;
        let folder = "/usr/lib/apache2/modules";
        find("mod_auth_gssapi.so", &[folder])?;
        let names = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_gssapi"];
        let names = names.iter().chain(&["socache_shmcb", "ssl", "http2", "unixd"]);
        // Some are built in, depending on who built it.
        let loads: String = names
            .filter(|name| Path::new(&format!("{folder}/mod_{name}.so")).exists())
            .map(|name| format!("LoadModule {name}_module {folder}/mod_{name}.so\n"))
            .collect();
        let folders = ["www", "www/once", "www/each", "logs", "tmp"];
        let (directory, ports) = (place("apache", &folders), [free_port(), free_port()]);
        let root = directory.0.display();
        let guarded = |place: &str, rule: &str| {
            fs::write(directory.join(&format!("www/{place}/in.txt")), "You are in.\n").unwrap();
            format!(
                "<Location /{place}>\nAuthType GSSAPI\nAuthName site\nGssapiAllowedMech krb5\n\
                 GssapiCredStore keytab:{}\n{rule}\nRequire user ada@{NAME}\n</Location>\n",
                realm.keytab().display()
            )
        };
        let config = format!(
            "{loads}ServerRoot {root}\nPidFile {root}/httpd.pid\nErrorLog {root}/logs/error.log\n\
             ServerName localhost\nListen 127.0.0.1:{plain}\nListen 127.0.0.1:{secure}\n\
             User nobody\nGroup nogroup\nDocumentRoot {root}/www\nProtocols h2 h2c http/1.1\n\
             KeepAlive On\nDefaultRuntimeDir {root}/tmp\n{once}{each}\
             <VirtualHost 127.0.0.1:{secure}>\nSSLEngine on\nSSLCertificateFile {root}/chain.pem\n\
             SSLCertificateKeyFile {root}/key.pem\n</VirtualHost>\n",
            plain = ports[0],
            secure = ports[1],
            once = guarded("once", "GssapiConnectionBound On"),
            each = guarded("each", ""),
        );
        fs::write(directory.join("httpd.conf"), config).unwrap();
        let mut command = Command::new(program);
        command.arg("-X").arg("-f").arg(directory.join("httpd.conf"));
        command.envs(realm.environment());
        let running = start(command, directory, &ports);
        let [plain, secure] = ports;
        let bases = [format!("http://localhost:{plain}"), format!("https://localhost:{secure}")];
        Some(Self { _running: running, bases })
    }
}

/// Squid that lets those pass who have a ticket.
pub struct Squid {
    _running: Running,
    pub way: String,
}

impl Squid {
    pub fn start(realm: &Realm) -> Option<Self> {
        let program = find("squid", PROGRAMS)?;
        let helper = "negotiate_kerberos_auth";
        let helper = find(helper, &["/usr/lib/squid", "/usr/lib64/squid"])?;
        let (directory, port) = (place("squid", &[]), free_port());
        let root = directory.0.display();
        let config = format!(
            "http_port 127.0.0.1:{port}\n\
             auth_param negotiate program {helper} -k {} -s GSS_C_NO_NAME\n\
             acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\n\
             cache deny all\naccess_log none\ncache_log {root}/cache.log\npid_filename none\n\
             coredump_dir {root}\nshutdown_lifetime 0 seconds\nvisible_hostname squid.test\n",
            realm.keytab().display()
        );
        fs::write(directory.join("config"), config).unwrap();
        let mut command = Command::new(program);
        command.arg("-N").arg("-f").arg(directory.join("config")).envs(realm.environment());
        let running = start(command, directory, &[port]);
        Some(Self { _running: running, way: format!("http://localhost:{port}") })
    }
}

/// A server that demands tickets which are bound to a certificate.
pub struct Acceptor {
    _running: Running,
    pub url: String,
}

impl Acceptor {
    /// It shows its own certificate, and demands `bound`, or its own.
    pub fn start(realm: &Realm, bound: Option<&str>) -> Option<Self> {
        let program = find("python3", PROGRAMS)?;
        let (directory, port) = (place("acceptor", &[]), free_port());
        fs::write(directory.join("acceptor.py"), include_str!("acceptor.py")).unwrap();
        let [chain, key] = ["chain.pem", "key.pem"].map(|name| directory.join(name));
        let mut command = Command::new(program);
        command.arg(directory.join("acceptor.py")).arg(&chain).arg(key).arg(port.to_string());
        command.arg(bound.map_or(chain, PathBuf::from));
        command.envs(realm.environment()).env("KRB5_KTNAME", realm.keytab());
        let running = start(command, directory, &[port]);
        Some(Self { _running: running, url: format!("https://localhost:{port}/") })
    }
}

const NAME: &str = "WAYFARE.TEST";
const LOOKING_UP: &str = "krb5-looking-up.conf";
const ELSEWHERE: &str = "krb5-elsewhere.conf";
