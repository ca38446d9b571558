//! Stands in for the desktop in a command that was built without it.

use wayfare::options::Proxies;

use super::Unusable;
use crate::exit;

/// Says that there is none.
pub(super) fn proxies() -> Result<Proxies, Unusable> {
    let why = "this command was built without the desktop's settings (the feature dbus, on Linux)";
    Err(Unusable { code: exit::USAGE, why: why.to_owned() })
}
