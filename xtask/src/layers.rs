//! Checks imports against the tables of ARCHITECTURE.md.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors of one crate: module name to height, the top floor the highest.
type Floors = BTreeMap<String, usize>;

/// Checks every crate; says how much was checked, or lists every fault.
pub(crate) fn check() -> Result<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let plan = fs::read_to_string(root.join("ARCHITECTURE.md"))
        .map_err(|why| vec![format!("ARCHITECTURE.md: {why}")])?;
    let mut faults = Vec::new();
    let (mut files, mut arrows) = (0, 0);
    for (name, floors) in floors(&plan) {
        let source = root.join("crates").join(&name).join("src");
        for path in rust_files(&source) {
            files += 1;
            arrows += check_file(&name, &source, &path, &floors, &mut faults);
        }
    }
    for (name, allowed) in dependencies(&plan) {
        check_manifest(&root, &name, &allowed, &mut faults);
    }
    if files == 0 {
        faults.push("ARCHITECTURE.md has no table of floors".to_owned());
    }
    if faults.is_empty() {
        Ok(format!("layers: {files} files, {arrows} imports between modules, none upward"))
    } else {
        Err(faults)
    }
}

/// The rows of the table whose second column is headed `heading`.
fn table<'a>(plan: &'a str, heading: &str) -> Vec<(&'a str, &'a str)> {
    let mut rows = plan.lines().skip_while(|line| !line.contains(heading)).skip(2);
    let mut found = Vec::new();
    while let Some(row) = rows.next().filter(|line| line.starts_with('|')) {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        if let (Some(name), Some(cell)) = (cells.next(), cells.next()) {
            found.push((name, cell));
        }
    }
    found
}

fn floors(plan: &str) -> Vec<(String, Floors)> {
    let heights = |cell: &str| {
        let storeys: Vec<&str> = cell.split('›').collect();
        let mut floors = Floors::new();
        for (depth, storey) in storeys.iter().enumerate() {
            for module in storey.split(',') {
                floors.insert(module.trim().to_owned(), storeys.len() - depth);
            }
        }
        floors
    };
    let rows = table(plan, "floors, top to bottom");
    rows.into_iter().map(|(name, cell)| (name.to_owned(), heights(cell))).collect()
}

fn dependencies(plan: &str) -> Vec<(String, Vec<String>)> {
    let names = |cell: &str| cell.split(',').map(|name| name.trim().to_owned()).collect();
    let rows = table(plan, "may depend on");
    rows.into_iter().map(|(name, cell)| (name.to_owned(), names(cell))).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Checks one file; returns the number of imports between modules.
fn check_file(
    name: &str,
    source: &Path,
    path: &Path,
    floors: &Floors,
    faults: &mut Vec<String>,
) -> usize {
    let inner = path.strip_prefix(source).unwrap_or(path);
    let first = inner.components().next().map(|part| part.as_os_str().to_string_lossy());
    let own = first.unwrap_or_default().trim_end_matches(".rs").to_owned();
    if matches!(own.as_str(), "lib" | "main" | "manual") {
        return 0;
    }
    let shown = format!("{name}/src/{}", inner.display());
    let Some(&height) = floors.get(&own) else {
        faults.push(format!("{shown}: `{own}` is on no floor of ARCHITECTURE.md"));
        return 0;
    };
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut arrows = 0;
    for (number, line) in product_code(&text) {
        for target in targets(line) {
            if target == own {
                continue;
            }
            arrows += 1;
            match floors.get(target) {
                Some(&below) if below < height => {}
                Some(_) => faults.push(format!(
                    "{shown}:{number}: `{own}` imports `{target}`, which is not below it"
                )),
                None => faults.push(format!(
                    "{shown}:{number}: `crate::{target}` comes through lib.rs or from no floor"
                )),
            }
        }
    }
    arrows
}

/// The lines of a file that are neither comments nor its unit tests.
fn product_code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}

/// The modules that a line names by `crate::…`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("crate::").filter_map(move |(at, found)| {
        let before = line[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            return None;
        }
        let rest = &line[at + found.len()..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        Some(&rest[..end])
    })
}

fn check_manifest(root: &Path, name: &str, allowed: &[String], faults: &mut Vec<String>) {
    let path = root.join("crates").join(name).join("Cargo.toml");
    let Ok(text) = fs::read_to_string(&path) else {
        faults.push(format!("{} cannot be read", path.display()));
        return;
    };
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        }
        let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
        let is_ours = dependency == "wayfare" || dependency.starts_with("wayfare-");
        if inside && is_ours && !allowed.iter().any(|one| one == dependency) {
            faults.push(format!("{name} depends on {dependency}, which ARCHITECTURE.md forbids"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "\
| crate | may depend on |\n|---|---|\n| a | b, c |\n| c | – |\n\n\
| crate | floors, top to bottom |\n|---|---|\n| a | top › left, right › bottom |\n";

    #[test]
    fn floors_are_read_from_the_table() {
        let floors = floors(PLAN);
        assert_eq!(floors.len(), 1);
        assert_eq!(floors[0].1["top"], 3);
        assert_eq!(floors[0].1["left"], floors[0].1["right"]);
        assert_eq!(dependencies(PLAN)[0].1, ["b", "c"]);
    }

    #[test]
    fn every_way_to_name_a_module_is_seen() {
        let seen: Vec<_> =
            targets("use crate::a::b; crate::c::d(); mycrate::e; $crate::f").collect();
        assert_eq!(seen, ["a", "c"]);
    }

    #[test]
    fn an_upward_import_is_a_fault() {
        let folder = std::env::temp_dir().join(format!("layers-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("left.rs");
        fs::write(&file, "use crate::top::x;\nuse crate::bottom::y;\nuse crate::right::z;\n")
            .unwrap();
        let mut faults = Vec::new();
        let arrows = check_file("a", &folder, &file, &floors(PLAN)[0].1, &mut faults);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((arrows, faults.len()), (3, 2), "{faults:?}");
    }
}
