//! A list of strict hosts as a file that is searched where it lies.
//!
//! The file is: eight bytes `WFHSTS1\n`; the number of blocks and where the last one ends, each as
//! four bytes with the lowest first; for each block its offset as four bytes, and its first name as a
//! byte of length and its bytes; then the blocks, of at most 4096 bytes. In a block a name is its
//! length as a byte, 0 or 1 as a byte for whether the names below it count, and its bytes. Names are
//! in order. A reader keeps the table of blocks, and reads one block for a name.

use crate::syntax::strict_transport_security::Reach;

use super::normal;

/// The table of a list's blocks, which says where in the file a name would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    blocks: Vec<(u32, Box<str>)>,
    /// Where the last block ends.
    end: u32,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAList(&'static str);

impl std::fmt::Display for NotAList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not a list of strict hosts as `wayfare hsts import` makes them: {}", self.0)
    }
}

impl std::error::Error for NotAList {}

/// Where a block lies in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The offset of its first byte.
    pub offset: u64,
    /// How many bytes it has.
    pub length: usize,
}

/// Makes a file of hosts; of two with one name the last counts. What is no host's name is given
/// back.
#[must_use]
pub fn write<'a>(hosts: impl IntoIterator<Item = (&'a str, Reach)>) -> (Vec<u8>, Vec<&'a str>) {
    let mut names = std::collections::BTreeMap::new();
    let mut refused = Vec::new();
    for (host, reach) in hosts {
        match normal(host).filter(|name| name.len() <= LONGEST_NAME) {
            Some(name) => drop(names.insert(name, reach)),
            None => refused.push(host),
        }
    }
    let mut blocks: Vec<(&str, Vec<u8>)> = Vec::new();
    for (name, reach) in &names {
        let is_full = blocks.last().is_none_or(|(_, block)| block.len() + name.len() + 2 > BLOCK);
        if is_full {
            blocks.push((name, Vec::with_capacity(BLOCK)));
        }
        if let Some((_, block)) = blocks.last_mut() {
            block.extend([name.len() as u8, u8::from(*reach == Reach::Subdomains)]);
            block.extend(name.as_bytes());
        }
    }
    let table: usize = blocks.iter().map(|(name, _)| 5 + name.len()).sum();
    let mut offset = MAGIC.len() + 8 + table;
    let end = offset + blocks.iter().map(|(_, block)| block.len()).sum::<usize>();
    let mut file = MAGIC.to_vec();
    file.extend((blocks.len() as u32).to_le_bytes());
    file.extend((end as u32).to_le_bytes());
    for (name, block) in &blocks {
        file.extend((offset as u32).to_le_bytes());
        file.push(name.len() as u8);
        file.extend(name.as_bytes());
        offset += block.len();
    }
    for (_, block) in &blocks {
        file.extend(block);
    }
    (file, refused)
}

impl Table {
    /// Reads the table at the beginning of a file; `read` gives so many bytes from an offset, or
    /// fewer where the file ends.
    ///
    /// # Errors
    /// What `read` fails with, and [`NotAList`].
    pub fn read<E: From<NotAList>>(
        mut read: impl FnMut(Span) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let head = read(Span { offset: 0, length: MAGIC.len() + 8 })?;
        let numbers = head.strip_prefix(MAGIC).ok_or(NotAList("it begins otherwise"))?;
        let (count, end) = match numbers {
            [a, b, c, d, e, f, g, h] => {
                (u32::from_le_bytes([*a, *b, *c, *d]), u32::from_le_bytes([*e, *f, *g, *h]))
            }
            _ => return Err(NotAList("it is cut off").into()),
        };
        if u64::from(count) * 5 > u64::from(end) || count > MOST_BLOCKS {
            return Err(NotAList("its table is longer than the file").into());
        }
        let longest = (count as usize * (5 + LONGEST_NAME)).min(end as usize);
        let table = read(Span { offset: head.len() as u64, length: longest })?;
        let blocks = Self::entries(&table, count).ok_or(NotAList("its table is cut off"))?;
        let is_sorted =
            blocks.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1);
        if !is_sorted || blocks.last().is_some_and(|last| last.0 >= end) {
            return Err(NotAList("its table is out of order").into());
        }
        Ok(Self { blocks, end })
    }

    fn entries(mut table: &[u8], count: u32) -> Option<Vec<(u32, Box<str>)>> {
        let mut blocks = Vec::new();
        for _ in 0..count {
            let [a, b, c, d, length, rest @ ..] = table else { return None };
            let (name, rest) = rest.split_at_checked(usize::from(*length))?;
            let name = std::str::from_utf8(name).ok()?;
            blocks.push((u32::from_le_bytes([*a, *b, *c, *d]), name.into()));
            table = rest;
        }
        Some(blocks)
    }

    /// Where the block lies that `name` is in, if it is in any.
    #[must_use]
    pub fn span_of(&self, name: &str) -> Option<Span> {
        let after = self.blocks.partition_point(|(_, first)| **first <= *name);
        let at = after.checked_sub(1)?;
        let start = self.blocks[at].0;
        let end = self.blocks.get(after).map_or(self.end, |(next, _)| *next);
        // A block that claims to be longer than any is none.
        let length = (end - start) as usize;
        (length <= BLOCK).then_some(Span { offset: start.into(), length })
    }
}

/// What a block says of a name; nothing if it is not in it.
#[must_use]
pub fn find(mut block: &[u8], name: &str) -> Option<Reach> {
    while let [length, below, rest @ ..] = block {
        let (known, rest) = rest.split_at_checked(usize::from(*length))?;
        if known == name.as_bytes() {
            return Some(if *below == 1 { Reach::Subdomains } else { Reach::Host });
        }
        block = rest;
    }
    None
}

const MAGIC: &[u8] = b"WFHSTS1\n";
/// A name with its two bytes always fits in one.
const BLOCK: usize = 4096;
const LONGEST_NAME: usize = 253;
/// Some ten million names.
const MOST_BLOCKS: u32 = 65_536;
