//! Systems without settings of this kind.

use super::Tool;

pub(super) const TOOL: Option<Tool> = None;
