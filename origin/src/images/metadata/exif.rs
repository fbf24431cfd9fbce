//! A block of EXIF (CIPA DC-008): a TIFF file, of which the first directory is read, and no offset is followed that
//! leaves the block or leads to another directory (DOS-2).

/// Tags of the first directory (TIFF 6.0; the thumbnail's from CIPA DC-008 §4.6.5).
const ORIENTATION: u16 = 0x0112;
const ARTIST: u16 = 0x013b;
/// More directories, with previews.
const SUB_DIRECTORIES: u16 = 0x014a;
/// Where the thumbnail is and how long: a JPEG, or strips of pixels.
const THUMBNAILS: [(u16, u16); 2] = [(0x0201, 0x0202), (0x0111, 0x0117)];
const COPYRIGHT: u16 = 0x8298;

/// Types of a value.
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const UTF8: u16 = 129;

const ENTRY_BYTES: usize = 12;

/// Longest line of text, in characters: a notice of copyright, not a licence's text.
const MAX_TEXT_CHARS: usize = 500;

/// The lines Artist and Copyright of a block, written anew.
pub(super) fn credits(block: &[u8]) -> Option<Vec<u8>> {
    let tiff = Tiff::of(block)?;
    let lines = [ARTIST, COPYRIGHT].map(|tag| (tag, tiff.text(tag).unwrap_or_default()));
    let lines: Vec<_> = lines.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    if lines.is_empty() {
        return None;
    }
    let count = u16::try_from(lines.len()).ok()?;
    let mut written = [&b"MM\0\x2a\0\0\0\x08"[..], &count.to_be_bytes()].concat();
    let mut texts = Vec::new();
    let texts_at = 8 + 2 + lines.len() * ENTRY_BYTES + 4;
    for (tag, text) in &lines {
        // Text ends with a NUL; what fits into four bytes stands in the entry itself.
        let length = text.len() + 1;
        written.extend([tag.to_be_bytes(), ASCII.to_be_bytes()].as_flattened());
        written.extend(u32::try_from(length).ok()?.to_be_bytes());
        if length <= 4 {
            written.extend(text.bytes().chain([0; 4]).take(4));
        } else {
            written.extend(u32::try_from(texts_at + texts.len()).ok()?.to_be_bytes());
            texts.extend(text.bytes().chain([0]));
        }
    }
    written.extend([0; 4]);
    Some([written, texts].concat())
}

/// A block as it is, but upright and without its thumbnail.
pub(super) fn upright(block: &[u8]) -> Option<Vec<u8>> {
    let tiff = Tiff::of(block)?;
    let mut changed = block.to_vec();
    for at in tiff.entries(tiff.first)? {
        if tiff.short(at)? == ORIENTATION {
            // One value of type short, whatever it was before: a one, and two bytes that nobody reads.
            let value = if tiff.big { [0, 3, 0, 0, 0, 1, 0, 1, 0, 0] } else { [3, 0, 1, 0, 0, 0, 1, 0, 0, 0] };
            changed.get_mut(at + 2..at + ENTRY_BYTES)?.copy_from_slice(&value);
        }
    }
    let next = tiff.next(tiff.first)?;
    for (offset, end) in tiff.thumbnails(next) {
        changed.get_mut(offset..end)?.fill(0);
    }
    // A thumbnail is last in most blocks.
    if let Some((offset, _)) = tiff.thumbnails(next).find(|(_, end)| *end == changed.len()) {
        changed.truncate(offset);
    }
    // The directory of the thumbnail is the second: without it the chain ends.
    changed.get_mut(next..next + 4)?.fill(0);
    Some(changed)
}

struct Tiff<'a> {
    block: &'a [u8],
    big: bool,
    /// Where the first directory is.
    first: usize,
}

impl<'a> Tiff<'a> {
    /// The block, if it is a TIFF file with a whole first directory.
    fn of(block: &'a [u8]) -> Option<Self> {
        let big = match block.first_chunk::<4>()? {
            b"MM\0\x2a" => true,
            b"II\x2a\0" => false,
            _ => return None,
        };
        let mut tiff = Self { block, big, first: 0 };
        tiff.first = tiff.long(4)?;
        // The pointer behind the entries is the last of the directory.
        tiff.long(tiff.next(tiff.first)?)?;
        Some(tiff)
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = *self.block.get(at..)?.first_chunk()?;
        Some(if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<usize> {
        let bytes = *self.block.get(at..)?.first_chunk()?;
        usize::try_from(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }).ok()
    }

    /// Where the entries of a directory begin.
    fn entries(&self, directory: usize) -> Option<impl Iterator<Item = usize>> {
        let count = usize::from(self.short(directory)?);
        Some((0..count).map(move |index| directory + 2 + index * ENTRY_BYTES))
    }

    /// Where the pointer to the directory after this one is.
    fn next(&self, directory: usize) -> Option<usize> {
        Some(directory + 2 + usize::from(self.short(directory)?) * ENTRY_BYTES)
    }

    /// Where the value of a tag's entry is: its type, its count, its place in the entry.
    fn entry(&self, directory: usize, tag: u16) -> Option<(u16, usize, usize)> {
        let at = self.entries(directory)?.find(|at| self.short(*at) == Some(tag))?;
        Some((self.short(at + 2)?, self.long(at + 4)?, at + 8))
    }

    /// A line of text of the first directory, cleaned.
    fn text(&self, tag: u16) -> Option<String> {
        let (kind, count, at) = self.entry(self.first, tag)?;
        if !matches!(kind, ASCII | UTF8) {
            return None;
        }
        let at = if count <= 4 { at } else { self.long(at)? };
        Some(cleaned(self.block.get(at..at.checked_add(count)?)?))
    }

    /// The numbers of a tag.
    fn numbers(&self, directory: usize, tag: u16) -> Vec<usize> {
        let Some((kind, count, at)) = self.entry(directory, tag) else { return Vec::new() };
        let bytes = if kind == SHORT { 2 } else { 4 };
        let Some(at) = (if count.saturating_mul(bytes) <= 4 { Some(at) } else { self.long(at) }) else {
            return Vec::new();
        };
        let number = |index: usize| match kind {
            SHORT => self.short(at.checked_add(index * 2)?).map(usize::from),
            LONG => self.long(at.checked_add(index * 4)?),
            _ => None,
        };
        (0..count.min(self.block.len())).map_while(number).collect()
    }

    /// Where the parts of the thumbnails lie: of the directory that a pointer leads to, and of those beside the first.
    fn thumbnails(&self, pointer: usize) -> impl Iterator<Item = (usize, usize)> {
        let second = self.long(pointer).filter(|directory| *directory != 0);
        let directories: Vec<usize> = second.into_iter().chain(self.numbers(self.first, SUB_DIRECTORIES)).collect();
        let ends = directories.iter().filter_map(|at| Some((*at, self.next(*at)? + 4)));
        let taken: Vec<(usize, usize)> = [(0, 8), (self.first, pointer + 4)].into_iter().chain(ends).collect();
        let parts = directories.into_iter().flat_map(move |directory| {
            THUMBNAILS.into_iter().flat_map(move |(offsets, lengths)| {
                self.numbers(directory, offsets).into_iter().zip(self.numbers(directory, lengths))
            })
        });
        let parts = parts.filter_map(|(offset, bytes)| Some((offset, offset.checked_add(bytes)?)));
        // One that lies over the directories is none.
        let is_apart = move |offset: usize, end: usize| taken.iter().all(|(from, to)| end <= *from || offset >= *to);
        parts.filter(move |(offset, end)| *end <= self.block.len() && is_apart(*offset, *end))
    }
}

/// Text without control characters and without space around it, bounded. UTF-8 where it is that, otherwise Latin-1. The
/// parts of a notice, the photographer's and the editor's, are parted by a NUL.
fn cleaned(text: &[u8]) -> String {
    let text = match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => text.iter().copied().map(char::from).collect(),
    };
    let parts = text.split('\0').map(|part| part.chars().filter(|c| !c.is_control()).collect::<String>());
    let parts: Vec<String> = parts.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    parts.join("; ").chars().take(MAX_TEXT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cleaned_and_bounded() {
        assert_eq!(cleaned(b" \xa9 2026\x1b[2J Ada \0 \0Editor\0\0"), "\u{a9} 2026[2J Ada; Editor");
        assert_eq!(cleaned("\u{a9} Ada".as_bytes()), "\u{a9} Ada");
        assert_eq!(cleaned(&[b'a'; 70_000]).len(), MAX_TEXT_CHARS);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let block = credits(b"II\x2a\0\x08\0\0\0\x01\0\x98\x82\x02\0\x04\0\0\0Ada\0\0\0\0\0").unwrap();
        assert_eq!(Tiff::of(&block).unwrap().text(COPYRIGHT).unwrap(), "Ada");
        assert_eq!(credits(&block).unwrap(), block);
    }

    #[test]
    fn dos2_rubbish_is_nothing() {
        for block in [
            &b""[..],
            b"MM\0\x2a\xff\xff\xff\xff",
            b"II\x2a\0\x08\0\0\0\xff\xff",
            b"II\x2a\0\x08\0\0\0\x01\0\x98\x82\x02\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
        ] {
            assert_eq!(credits(block), None, "{block:?}");
        }
        assert_eq!(upright(b"II\x2a\0\x08\0\0\0\xff\xff"), None);
    }

    /// A directory of entries that are numbers of four bytes, and the pointer behind them.
    fn directory(entries: &[(u16, u32)], next: u32) -> Vec<u8> {
        let entries: Vec<_> = entries
            .iter()
            .flat_map(|(tag, value)| {
                [&tag.to_be_bytes()[..], &LONG.to_be_bytes(), &1u32.to_be_bytes(), &value.to_be_bytes()].concat()
            })
            .collect();
        [&u16::try_from(entries.len() / ENTRY_BYTES).unwrap().to_be_bytes()[..], &entries, &next.to_be_bytes()].concat()
    }

    #[test]
    fn img6_a_thumbnail_is_not_kept_wherever_it_lies() {
        const FACE: &[u8] = b"MY-CROPPED-FACE";
        let length = u32::try_from(FACE.len()).unwrap();
        let head = |first: u32| [&b"MM\0\x2a"[..], &first.to_be_bytes()].concat();
        let face = |at: u32| [(0x0201, at), (0x0202, length)];
        // Of one directory of no entries 6 bytes, of one with the thumbnail's two 30.
        let before = [head(8 + length), FACE.to_vec(), directory(&[], 14 + length), directory(&face(8), 0)].concat();
        let behind = [head(8), directory(&[], 14 + length), FACE.to_vec(), directory(&face(14), 0)].concat();
        let beside = [head(8), directory(&[(SUB_DIRECTORIES, 26)], 0), directory(&face(56), 0), FACE.to_vec()].concat();
        for block in [before, behind, beside] {
            let kept = upright(&block).unwrap();
            assert!(!kept.windows(FACE.len()).any(|window| window == FACE));
            assert!(Tiff::of(&kept).is_some(), "the directories stay");
        }
        // What lies over the directories is none: they stay as they are.
        let over = [head(8), directory(&[], 14), directory(&face(8), 0)].concat();
        assert_eq!(upright(&over).unwrap()[..10], over[..10]);
    }
}
