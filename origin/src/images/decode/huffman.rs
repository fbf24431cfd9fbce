//! Huffman codes of JPEG (ITU-T T.81 annex C and F), read to be passed over: how far a code and the bits that it announces
//! reach, for as many codes at once as a look at the next bits shows.

/// Codes up to this length are looked up; longer ones, which are rare, are searched.
const LOOK_BITS: u32 = 10;

/// So many bits are looked at for strides. More show no more codes, and fill the first cache.
const STRIDE_BITS: u32 = 12;

/// A table of DHT.
pub(super) struct Codes {
    /// Of each first bits the length of the code and its symbol; 0 where the code is longer or there is none.
    look: Vec<u16>,
    /// Of each length from 1: the first code, how many, and where their symbols begin.
    lengths: [(u32, u32, usize); 16],
    symbols: Vec<u8>,
}

impl Codes {
    /// Reads a table: sixteen counts, one for each length, and the symbols (T.81 §B.2.4.2). Also what is behind it.
    pub(super) fn read(body: &[u8]) -> Option<(Self, &[u8])> {
        let (counts, rest) = body.split_first_chunk::<16>()?;
        let count = counts.iter().map(|count| usize::from(*count)).sum();
        let (symbols, rest) = rest.split_at_checked(count).filter(|_| count <= 256)?;
        let mut lengths = [(0, 0, 0); 16];
        let mut look = vec![0; 1 << LOOK_BITS];
        let (mut code, mut at) = (0u32, 0);
        for ((place, count), length) in lengths.iter_mut().zip(counts).zip(1u32..) {
            *place = (code, u32::from(*count), at);
            for _ in 0..*count {
                let symbol = *symbols.get(at)?;
                if let Some(spare) = LOOK_BITS.checked_sub(length) {
                    let first = usize::try_from(code << spare).ok()?;
                    let entry = u16::try_from(length << 8).ok()? | u16::from(symbol);
                    look.get_mut(first..first + (1 << spare))?.fill(entry);
                }
                (code, at) = (code + 1, at + 1);
            }
            // More codes than the length has: that of nothing but ones is none.
            if code >= 1 << length {
                return None;
            }
            code <<= 1;
        }
        Some((Self { look, lengths, symbols: symbols.to_vec() }, rest))
    }

    /// Whether no symbol is larger.
    pub(super) fn are_at_most(&self, largest: u8) -> bool {
        self.symbols.iter().all(|symbol| *symbol <= largest)
    }

    /// The length of the code that sixteen bits begin with, and its symbol.
    #[inline]
    pub(super) fn find(&self, bits: u16) -> Option<(u32, u8)> {
        let entry = *self.look.get(usize::from(bits >> (16 - LOOK_BITS)))?;
        let [length, symbol] = entry.to_be_bytes();
        if length > 0 { Some((length.into(), symbol)) } else { self.search(bits) }
    }

    #[cold]
    fn search(&self, bits: u16) -> Option<(u32, u8)> {
        self.lengths.iter().zip(1u32..).skip(LOOK_BITS as usize).find_map(|((first, count, at), length)| {
            let ahead = (u32::from(bits) >> (16 - length)).checked_sub(*first).filter(|ahead| ahead < count)?;
            Some((length, *self.symbols.get(at + usize::try_from(ahead).ok()?)?))
        })
    }
}

/// Added to a stride's coefficients where the last code says that the block has no more.
pub(super) const END: u32 = 128;

/// What a look at the next bits shows of a block's coefficients.
#[derive(Clone, Copy)]
pub(super) struct Stride {
    /// Bits of all codes that are seen whole, and of the values that they announce.
    bits: u16,
    coefficients: u16,
}

impl Stride {
    /// Where no code is seen whole: more coefficients than there are, and no end.
    const UNKNOWN: Self = Self { bits: 0, coefficients: 64 };

    /// Of one symbol: so many coefficients of nothing, and one of so many bits (T.81 §F.1.2.2).
    pub(super) fn of(length: u32, symbol: u8) -> Self {
        let (run, size) = (symbol >> 4, symbol & 15);
        let ends = size == 0 && run < 15;
        let coefficients = if ends { END } else { u32::from(run) + 1 };
        let [bits, ..] = (length + u32::from(size)).to_le_bytes();
        let [coefficients, ..] = coefficients.to_le_bytes();
        Self { bits: bits.into(), coefficients: coefficients.into() }
    }

    #[inline]
    pub(super) fn bits(self) -> u32 {
        self.bits.into()
    }

    /// Coefficients that it stands for, and [`END`].
    #[inline]
    pub(super) fn coefficients(self) -> u32 {
        self.coefficients.into()
    }
}

/// A table for the coefficients behind the mean: of each next bits as many codes as they show.
pub(super) struct Strides(Vec<Stride>);

impl Strides {
    pub(super) fn of(codes: &Codes) -> Self {
        Self((0..1u16 << STRIDE_BITS).map(|seen| Self::stride(codes, seen << (16 - STRIDE_BITS))).collect())
    }

    fn stride(codes: &Codes, seen: u16) -> Stride {
        let Stride { mut bits, mut coefficients } = Stride { bits: 0, coefficients: 0 };
        while let Some(left) = STRIDE_BITS.checked_sub(bits.into()).filter(|left| *left > 0 && coefficients < 64)
            && let Some((length, symbol)) = codes.find(seen << bits).filter(|(length, _)| *length <= left)
        {
            let next = Stride::of(length, symbol);
            // So that what is no end is never taken for one, wherever in the block it begins.
            if u32::from(coefficients + next.coefficients) > 64 && u32::from(next.coefficients) < END {
                break;
            }
            bits += next.bits;
            coefficients += next.coefficients;
        }
        if bits > 0 { Stride { bits, coefficients } } else { Stride::UNKNOWN }
    }

    #[inline]
    pub(super) fn find(&self, bits: u16) -> Stride {
        self.0.get(usize::from(bits >> (16 - STRIDE_BITS))).copied().unwrap_or(Stride::UNKNOWN)
    }
}

/// The lowest bit of each byte.
const LOW_BITS: u64 = u64::from_le_bytes([1; 8]);

/// The bits of a scan. The first stands at the window's top.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    window: u64,
    count: u32,
    /// Bits in the window that the data does not have.
    beyond: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn of(data: &'a [u8]) -> Self {
        Self { data, at: 0, window: 0, count: 0, beyond: 0 }
    }

    /// Has 56 bits at least in the window: zeros from a marker or the data's end on.
    #[inline]
    pub(super) fn refill(&mut self) {
        if let Some(next) = self.data.get(self.at..).and_then(|rest| rest.first_chunk()) {
            let word = u64::from_be_bytes(*next);
            let has_ff = (!word).wrapping_sub(LOW_BITS) & word & (LOW_BITS << 7) != 0;
            if !has_ff {
                // What does not fit whole is read again.
                self.window |= word >> self.count;
                let bytes = (63 - self.count) / 8;
                self.at += bytes as usize;
                self.count += bytes * 8;
                return;
            }
        }
        self.refill_slowly();
    }

    /// Has the longest code and the value behind it.
    #[inline]
    pub(super) fn refill_for_one(&mut self) {
        if self.count < 32 {
            self.refill();
        }
    }

    fn refill_slowly(&mut self) {
        while self.count < 56 {
            let byte = match self.data.get(self.at..).unwrap_or_default() {
                [0xff, 0, ..] => {
                    self.at += 2;
                    0xff
                }
                [0xff, ..] | [] => {
                    self.beyond += 8;
                    0
                }
                [byte, ..] => {
                    self.at += 1;
                    *byte
                }
            };
            self.window |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    #[inline]
    pub(super) fn peek(&self) -> u16 {
        let [high, low, ..] = self.window.to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    /// No more than the window has.
    #[inline]
    pub(super) fn skip(&mut self, bits: u32) {
        self.window <<= bits;
        self.count = self.count.saturating_sub(bits);
    }

    /// A value of so many bits (§F.2.2.1).
    #[inline]
    pub(super) fn value(&mut self, size: u32) -> Option<i32> {
        if size == 0 {
            return Some(0);
        }
        if size > 11 {
            return None;
        }
        let value = i32::from(self.peek() >> (16 - size));
        self.skip(size);
        Some(if value < 1 << (size - 1) { value - (1 << size) + 1 } else { value })
    }

    /// Whether all bits that were skipped are the data's.
    #[inline]
    pub(super) fn are_there(&self) -> bool {
        self.beyond <= self.count
    }

    /// Whether nothing is left.
    pub(super) fn end(&self) -> bool {
        self.is_read() && self.at == self.data.len()
    }

    /// Whether what the data has up to here was read, but for bits that fill the last byte.
    fn is_read(&self) -> bool {
        self.count.checked_sub(self.beyond).is_some_and(|left| left < 8)
    }

    /// Over the restart marker of this number.
    pub(super) fn restart(&mut self, number: usize) -> Option<()> {
        self.refill_slowly();
        let marker = [0xff, 0xd0 + (number & 7).to_le_bytes()[0]];
        let found = self.data.get(self.at..)?.strip_prefix(&marker).is_some() && self.is_read();
        (self.at, self.window, self.count, self.beyond) = (self.at + 2, 0, 0, 0);
        found.then_some(())
    }
}
