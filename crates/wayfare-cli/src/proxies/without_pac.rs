//! Stands in for scripts in a command that was built without them.

use serde_json::Value;
use wayfare::options::Proxies;

use super::Unusable;
use crate::exit;

/// Says that there are none.
pub(super) fn by_script(_: &str) -> Result<Proxies, Unusable> {
    of_network()
}

/// Says that there are none.
pub(super) fn of_network() -> Result<Proxies, Unusable> {
    let why = "this command was built without scripts (the feature pac)".to_owned();
    Err(Unusable { code: exit::USAGE, why })
}

/// The operations of `wayfare drive` that need scripts: none.
pub(crate) const OPS: &[&str] = &[];

/// Is not called, as nothing is listed above.
pub(crate) fn evaluate(_: &Value) -> Result<Value, String> {
    Err("this command was built without scripts (the feature pac)".to_owned())
}
