//! A certificate authority of a test's own, with a certificate for the broker and one for a client.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// PEM files in a folder that goes with the handle.
pub(crate) struct Certificates {
    dir: TempDir,
}

impl Certificates {
    /// Makes the authority and both certificates, valid for a day.
    pub(crate) fn create() -> Certificates {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        openssl(
            dir.path(),
            "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=gatebook-test-authority \
                             -keyout authority.key -out authority.pem",
        );
        for name in ["server", "client"] {
            openssl(
                dir.path(),
                &format!(
                    "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN={name} -CA authority.pem \
                     -CAkey authority.key -addext subjectAltName=IP:127.0.0.1,DNS:localhost \
                     -addext basicConstraints=critical,CA:FALSE -keyout {name}.key -out {name}.crt"
                ),
            );
        }
        let certificates = Certificates { dir };
        // Kafka wants key and certificate in one file.
        let both: Vec<_> = ["server.key", "server.crt"].map(|f| certificates.read(f)).concat();
        std::fs::write(certificates.server(), both).expect("the broker's key store");
        certificates
    }

    /// The broker's key and certificate in one file.
    pub(crate) fn server(&self) -> PathBuf {
        self.dir.path().join("server.pem")
    }

    /// The certificate that signed the others.
    pub(crate) fn authority(&self) -> PathBuf {
        self.dir.path().join("authority.pem")
    }

    /// A client's certificate.
    pub(crate) fn client_certificate(&self) -> PathBuf {
        self.dir.path().join("client.crt")
    }

    /// The key of the client's certificate.
    pub(crate) fn client_key(&self) -> PathBuf {
        self.dir.path().join("client.key")
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.dir.path().join(name)).expect("openssl wrote it")
    }
}

fn openssl(dir: &Path, arguments: &str) {
    let made = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(dir)
        .output()
        .expect("openssl runs: see scripts/setup-kafka");
    assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
}
