//! Runs a script of `tests/python` in the environment that scripts/setup-python makes.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Runs `script` and returns what it printed.
///
/// # Panics
/// When the environment is missing or the script fails.
pub(crate) fn python(script: &str, arguments: &[impl AsRef<OsStr>]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let interpreter = root.join("target/python/bin/python");
    assert!(interpreter.exists(), "the Python readers are not there: run scripts/setup-python first");
    let output = Command::new(interpreter)
        .arg(root.join("tests/python").join(script))
        .args(arguments)
        .output()
        .expect("python runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}
