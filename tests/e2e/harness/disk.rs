//! A small disk of its own, to be filled or made read-only. Needs root: permissions do not stop
//! root, and a quota is no full disk.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A mounted tmpfs, unmounted when dropped.
pub(crate) struct Disk {
    mount_point: TempDir,
}

impl Disk {
    /// Mounts a disk of `mib` MiB.
    ///
    /// # Panics
    /// When mounting is not allowed.
    pub(crate) fn mount(mib: u32) -> Disk {
        let mount_point = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let disk = Disk { mount_point };
        disk.run("mount", &["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]);
        disk
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        self.mount_point.path()
    }

    /// Leaves no free byte.
    pub(crate) fn fill(&self) {
        let mut filler = fs::File::create(self.filler()).expect("a file");
        let mut block = vec![0; 65_536];
        while !block.is_empty() {
            if std::io::Write::write(&mut filler, &block).unwrap_or(0) == 0 {
                block.truncate(block.len() / 2);
            }
        }
    }

    /// Undoes [`Disk::fill`].
    pub(crate) fn free(&self) {
        fs::remove_file(self.filler()).expect("the filler is there");
    }

    /// Refuses all writes from now on.
    pub(crate) fn make_read_only(&self) {
        self.run("mount", &["-o", "remount,ro"]);
    }

    /// Undoes [`Disk::make_read_only`].
    pub(crate) fn make_writable(&self) {
        self.run("mount", &["-o", "remount,rw"]);
    }

    fn filler(&self) -> std::path::PathBuf {
        self.path().join("filler")
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output =
            Command::new(program).args(arguments).arg(self.path()).output().expect("util-linux is there");
        assert!(
            output.status.success(),
            "a small disk needs root and the right to mount: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
