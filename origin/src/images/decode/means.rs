//! The means of a sequential JPEG's blocks: the picture at an eighth of each side. Of sixty-four coefficients one is read, and
//! the others are passed over by the lengths of their codes alone, in about half the time that decoding them takes.
//!
//! What is whole and ordinary is answered, byte for byte as libjpeg-turbo does; everything else is `None`, and its to judge.

use super::super::geometry::Size;
use super::super::probe::{JpegSegment, JpegSegments};
use super::huffman::{Bits, Codes, END, Stride, Strides};
use super::jpeg::cut;

/// Most Huffman tables of a file; four of each kind have a number.
const MOST_TABLES: u32 = 16;

/// A component as frame header, scan header and tables have it.
struct Component {
    id: u8,
    across: usize,
    down: usize,
    quantizer: usize,
    /// Numbers of its two Huffman tables.
    tables: Option<(usize, usize)>,
}

/// What stands before the scan.
#[derive(Default)]
struct Head {
    /// Of each table the step of the mean.
    steps: [Option<u16>; 4],
    means: [Option<Codes>; 4],
    others: [Option<(Codes, Strides)>; 4],
    restart: usize,
    /// Huffman tables that were read.
    tables: u32,
    size: Option<(usize, usize)>,
    components: Vec<Component>,
}

/// The planes, each cut to its size of `sizes`.
pub(in super::super) fn of(source: &[u8], size: Size, sizes: &[Size]) -> Option<Vec<Vec<u8>>> {
    let mut head = Head::default();
    let mut planes = None;
    for segment in JpegSegments::of(source) {
        match segment.ok()? {
            // Behind the only scan, all else is the library's to judge.
            JpegSegment::Marker(..) if planes.is_some() => return None,
            JpegSegment::Marker(0xdb, body) => head.quantizers(body)?,
            JpegSegment::Marker(0xc4, body) => head.codes(body)?,
            JpegSegment::Marker(0xdd, [high, low]) => head.restart = u16::from_be_bytes([*high, *low]).into(),
            JpegSegment::Marker(0xc0 | 0xc1, body) => head.frame(body)?,
            JpegSegment::Marker(0xda, body) => head.scan(body)?,
            JpegSegment::Scan(data) => planes = Some(head.read(data, sizes)?),
            JpegSegment::Marker(0xe0..=0xef | 0xfe, _) => {}
            JpegSegment::Marker(..) => return None,
            JpegSegment::End => break,
        }
    }
    let is_expected = head.size == Some((size.width as usize, size.height as usize));
    planes.filter(|_| is_expected)
}

impl Head {
    /// DQT (T.81 §B.2.4.1).
    fn quantizers(&mut self, mut body: &[u8]) -> Option<()> {
        while let [kind, rest @ ..] = body {
            let wide = kind >> 4;
            let step = match wide {
                0 => u16::from(*rest.first()?),
                1 => u16::from_be_bytes(*rest.first_chunk()?),
                _ => return None,
            };
            *self.steps.get_mut(usize::from(kind & 15))? = Some(step).filter(|step| *step > 0);
            body = rest.get(64 << wide..)?;
        }
        Some(())
    }

    /// DHT (§B.2.4.2).
    fn codes(&mut self, mut body: &[u8]) -> Option<()> {
        while let [kind, rest @ ..] = body {
            // Encoders write four; each takes longer to build than to read (DOS-8).
            self.tables += 1;
            let (codes, behind) = Codes::read(rest).filter(|_| self.tables <= MOST_TABLES)?;
            let number = usize::from(kind & 15);
            match kind >> 4 {
                0 if codes.are_at_most(15) => *self.means.get_mut(number)? = Some(codes),
                1 => {
                    let strides = Strides::of(&codes);
                    *self.others.get_mut(number)? = Some((codes, strides));
                }
                _ => return None,
            }
            body = behind;
        }
        Some(())
    }

    /// SOF (§B.2.2).
    fn frame(&mut self, body: &[u8]) -> Option<()> {
        let [8, h1, h0, w1, w0, count, components @ ..] = body else { return None };
        let (components, []) = components.as_chunks::<3>() else { return None };
        if self.size.is_some() || components.len() != usize::from(*count) {
            return None;
        }
        let side = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
        self.size = Some((side(*w1, *w0), side(*h1, *h0)));
        // A scan of one component has no blocks but those of the picture, whatever its factors.
        let factor = |of: u8| if *count == 1 { 1 } else { usize::from(of) };
        self.components = components
            .iter()
            .map(|[id, factors, quantizer]| Component {
                id: *id,
                across: factor(factors >> 4),
                down: factor(factors & 15),
                quantizer: usize::from(*quantizer),
                tables: None,
            })
            .collect();
        Some(())
    }

    /// SOS of all components and all coefficients (§B.2.3).
    fn scan(&mut self, body: &[u8]) -> Option<()> {
        let [count, selected @ .., 0, 63, 0] = body else { return None };
        let (selected, []) = selected.as_chunks::<2>() else { return None };
        if selected.len() != usize::from(*count) || selected.len() != self.components.len() {
            return None;
        }
        for (component, [id, tables]) in self.components.iter_mut().zip(selected) {
            if component.id != *id {
                return None;
            }
            component.tables = Some((usize::from(tables >> 4), usize::from(tables & 15)));
        }
        Some(())
    }

    /// The entropy-coded data (§F.2.2), in the order of §A.2.3.
    fn read(&self, data: &[u8], sizes: &[Size]) -> Option<Vec<Vec<u8>>> {
        let (width, height) = self.size?;
        let most_across = self.components.iter().map(|of| of.across).max()?;
        let most_down = self.components.iter().map(|of| of.down).max()?;
        let units = (width.div_ceil(8 * most_across), height.div_ceil(8 * most_down));
        let mut planes = Vec::new();
        for (component, size) in self.components.iter().zip(sizes) {
            let (mean, other) = component.tables?;
            let (across, down) = (units.0 * component.across, units.1 * component.down);
            if size.width as usize > across || size.height as usize > down {
                return None;
            }
            let (others, strides) = self.others.get(other)?.as_ref()?;
            planes.push(Plane {
                step: (*self.steps.get(component.quantizer)?)?.into(),
                means: self.means.get(mean)?.as_ref()?,
                others,
                strides,
                factors: (component.across, component.down),
                across,
                last: 0,
                samples: vec![0; across * down],
            });
        }
        let mut bits = Bits::of(data);
        for unit in 0..units.0 * units.1 {
            if self.restart > 0 && unit > 0 && unit.is_multiple_of(self.restart) {
                bits.restart(unit / self.restart - 1)?;
                planes.iter_mut().for_each(|plane| plane.last = 0);
            }
            for plane in &mut planes {
                plane.read_unit(&mut bits, unit % units.0, unit / units.0)?;
            }
        }
        if !bits.end() || planes.len() != sizes.len() {
            return None;
        }
        Some(planes.into_iter().zip(sizes).map(|(plane, size)| cut(plane.samples, plane.across, *size)).collect())
    }
}

/// The means of one component.
struct Plane<'a> {
    step: i32,
    means: &'a Codes,
    others: &'a Codes,
    strides: &'a Strides,
    /// Blocks of a unit, across and down.
    factors: (usize, usize),
    /// Blocks of a row.
    across: usize,
    /// The mean before, which the next is told against.
    last: i32,
    samples: Vec<u8>,
}

impl Plane<'_> {
    #[inline]
    fn read_unit(&mut self, bits: &mut Bits<'_>, column: usize, row: usize) -> Option<()> {
        for y in 0..self.factors.1 {
            for x in 0..self.factors.0 {
                let sample = self.read_block(bits)?;
                let at = (row * self.factors.1 + y) * self.across + column * self.factors.0 + x;
                *self.samples.get_mut(at)? = sample;
            }
        }
        Some(())
    }

    #[inline]
    fn read_block(&mut self, bits: &mut Bits<'_>) -> Option<u8> {
        bits.refill();
        let (length, size) = self.means.find(bits.peek())?;
        bits.skip(length);
        self.last += bits.value(u32::from(size))?;
        let mut at = 1;
        while at < 64 {
            bits.refill_for_one();
            let mut stride = self.strides.find(bits.peek());
            // Codes that reach beyond this block are the next one's.
            if !matches!(at + stride.coefficients(), 0..64 | END..192) {
                let (length, symbol) = self.others.find(bits.peek())?;
                stride = Stride::of(length, symbol);
            }
            bits.skip(stride.bits());
            at += stride.coefficients();
        }
        // The mean of a block that is no picture is the library's to limit.
        let mean = (self.last * self.step + 4) >> 3;
        let is_whole = matches!(at, 64 | END..) && bits.are_there();
        (is_whole && (-512..512).contains(&mean)).then(|| u8::try_from((mean + 128).clamp(0, 255)).ok())?
    }
}
