//! Section `[reports]`: which file says what is asked again and again.

use std::path::{Path, PathBuf};

use super::place::Place;
use super::reader::Reader;

/// The file of saved reports.
pub(crate) struct Reports {
    /// `reports.file`; a relative path begins where the configuration lies.
    pub(crate) file: PathBuf,
    /// Whether somebody named it: then it must be there.
    pub(crate) is_named: bool,
}

/// Reads `[reports]`. `beside` is the folder of the configuration.
pub(super) fn read(reader: &mut Reader<'_>, beside: &Path) -> Reports {
    let file = reader.text("reports.file");
    let place = reader.settings().get("reports.file").map(|setting| &setting.place);
    Reports { file: beside.join(file), is_named: !matches!(place, Some(Place::Default) | None) }
}
