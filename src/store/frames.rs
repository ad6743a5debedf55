//! Data frames made of columns: aggregation, and Parquet. The only place that knows polars and arrow.

use polars::prelude::{
    Column as Series, DataFrame, IntoColumn, NamedFrom, ParquetReader, ParquetWriter, PolarsError, PolarsResult,
    QuantileMethod, SerReader, Series as PlainSeries,
};
use std::io::{self, Cursor, Write};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rows to be aggregated: a pair of numbers names the group of each.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    pub groups: Vec<(u32, u32)>,
    /// Nanoseconds.
    pub durations: Vec<u64>,
    /// Nanoseconds.
    pub self_times: Vec<u64>,
    pub errors: Vec<bool>,
}

/// What is known about one group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Aggregate {
    pub group: (u32, u32),
    pub count: u64,
    pub errors: u64,
    /// Durations in nanoseconds; percentiles are observed values (nearest rank).
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub max: u64,
    /// Sum of durations in nanoseconds.
    pub total: u64,
    /// Sum of self times in nanoseconds.
    pub self_total: u64,
}

/// Aggregates observations by group, in order of the groups' first appearance. O(n log n).
///
/// # Panics
/// If the columns differ in length.
pub fn aggregate(observations: &Observations) -> Vec<Aggregate> {
    if observations.groups.is_empty() {
        return Vec::new();
    }
    grouped(observations).expect("grouping and aggregating plain numbers can't fail")
}

#[expect(deprecated, reason = "polars wants lazy queries here, but `lazy` beside `parquet` pulls a cloud stack in")]
fn grouped(observations: &Observations) -> PolarsResult<Vec<Aggregate>> {
    let key: Vec<u64> = observations.groups.iter().map(|&(a, b)| u64::from(a) << 32 | u64::from(b)).collect();
    let errors: Vec<u64> = observations.errors.iter().map(|&error| u64::from(error)).collect();
    let frame = DataFrame::new(
        key.len(),
        vec![
            column("key", &key[..]),
            // As floats: sums of odd durations would not fit 64 bits, and 2^53 ns are 104 days.
            column("duration", &floats(&observations.durations)[..]),
            column("self", &floats(&observations.self_times)[..]),
            column("error", &errors[..]),
        ],
    )?;
    let groups = || frame.group_by_stable(["key"]);
    let durations = || groups().map(|groups| groups.select(["duration"]));
    let keys = numbers(&durations()?.count()?, 0)?;
    let counts = numbers(&durations()?.count()?, 1)?;
    let errors = numbers(&groups()?.select(["error"]).sum()?, 1)?;
    let selves = numbers(&groups()?.select(["self"]).sum()?, 1)?;
    let totals = numbers(&durations()?.sum()?, 1)?;
    let maxima = numbers(&durations()?.max()?, 1)?;
    let quantile = |q: f64| numbers(&durations()?.quantile(q, QuantileMethod::Nearest)?, 1);
    let (p50, p90, p99) = (quantile(0.5)?, quantile(0.9)?, quantile(0.99)?);
    let row = |at: usize| Aggregate {
        group: ((keys[at] >> 32) as u32, keys[at] as u32),
        count: counts[at],
        errors: errors[at],
        p50: p50[at],
        p90: p90[at],
        p99: p99[at],
        max: maxima[at],
        total: totals[at],
        self_total: selves[at],
    };
    Ok((0..keys.len()).map(row).collect())
}

fn column<'a, T: ?Sized>(name: &str, values: &'a T) -> Series
where
    PlainSeries: NamedFrom<&'a T, T>,
{
    PlainSeries::new(name.into(), values).into_column()
}

fn floats(values: &[u64]) -> Vec<f64> {
    values.iter().map(|&value| value as f64).collect()
}

/// A column's numbers as `u64`, whatever number type the aggregation made of them.
fn numbers(frame: &DataFrame, at: usize) -> PolarsResult<Vec<u64>> {
    let column = &frame.columns()[at];
    if let Ok(integers) = column.u64() {
        return Ok(integers.iter().map(Option::unwrap_or_default).collect());
    }
    let cast = column.cast(&polars::prelude::DataType::Float64)?;
    Ok(cast.f64()?.iter().map(|value| value.unwrap_or_default() as u64).collect())
}

/// A table of named columns of one length, as Parquet holds it.
pub type Table = Vec<(&'static str, Column)>;

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    U32(Vec<u32>),
    U64(Vec<u64>),
    I32(Vec<i32>),
    Text(Vec<Option<String>>),
}

/// Writes a table in pieces, one Parquet row group each.
///
/// # Errors
/// What the output says.
pub fn write_parquet(pieces: impl Iterator<Item = Table>, to: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut writer = None;
    for piece in pieces {
        let frame = frame(piece).map_err(io_error)?;
        if writer.is_none() {
            writer = Some(ParquetWriter::new(&mut *to).batched(frame.schema()).map_err(io_error)?);
        }
        if let Some(writer) = &mut writer {
            writer.write_batch(&frame).map_err(io_error)?;
        }
    }
    if let Some(writer) = writer {
        writer.finish().map_err(io_error)?;
    }
    Ok(())
}

/// Keeps the kind of what the operating system said.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn io_error(error: PolarsError) -> io::Error {
    match &error {
        PolarsError::IO { error: inner, .. } => io::Error::new(inner.kind(), error.to_string()),
        _ => io::Error::other(error.to_string()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn message(error: PolarsError) -> String {
    error.to_string()
}

fn frame(table: Table) -> PolarsResult<DataFrame> {
    let columns = table.into_iter().map(|(name, column)| {
        let name = name.into();
        match column {
            Column::U32(values) => PlainSeries::new(name, values),
            Column::U64(values) => PlainSeries::new(name, values),
            Column::I32(values) => PlainSeries::new(name, values),
            Column::Text(values) => PlainSeries::new(name, values),
        }
        .into_column()
    });
    DataFrame::new_infer_height(columns.collect())
}

/// Where Parquet is read from: it has to be sought in.
pub enum ParquetSource {
    File(std::fs::File),
    Memory(Vec<u8>),
}

/// Reads the columns that `like` names, with its types, `rows` rows at a time, into `take`.
///
/// # Errors
/// A text that says what is damaged or missing; of a piece, it goes to `take`, with the piece's first row.
/// Panics of the decoder on damaged data are errors too.
pub fn read_parquet(
    source: &ParquetSource,
    like: &Table,
    rows: usize,
    mut take: impl FnMut(usize, Result<Table, String>),
) -> Result<(), String> {
    let total = guarded(|| match source {
        ParquetSource::File(file) => ParquetReader::new(file.try_clone()?).num_rows(),
        ParquetSource::Memory(bytes) => ParquetReader::new(Cursor::new(bytes)).num_rows(),
    })?;
    let names: Vec<String> = like.iter().map(|(name, _)| (*name).to_owned()).collect();
    for start in (0..total).step_by(rows) {
        let (names, slice) = (Some(names.clone()), Some((start, rows)));
        let frame = guarded(|| match source {
            ParquetSource::File(file) => {
                ParquetReader::new(file.try_clone()?).with_columns(names).with_slice(slice).finish()
            }
            ParquetSource::Memory(bytes) => {
                ParquetReader::new(Cursor::new(bytes)).with_columns(names).with_slice(slice).finish()
            }
        })
        .map_err(|error| format!("rows {start} to {}: {error}", (start + rows).min(total)));
        take(start, frame.and_then(|frame| table(&frame, like)));
    }
    Ok(())
}

static DECODING: AtomicBool = AtomicBool::new(false);

/// Whether Parquet is being decoded: the decoder panics on some damage, which is caught and told as damage.
pub fn is_decoding() -> bool {
    DECODING.load(Ordering::Relaxed)
}

fn guarded<T>(read: impl FnOnce() -> PolarsResult<T>) -> Result<T, String> {
    DECODING.store(true, Ordering::Relaxed);
    let result = std::panic::catch_unwind(AssertUnwindSafe(read));
    DECODING.store(false, Ordering::Relaxed);
    result.map_err(|_| "damaged Parquet: the decoder gave up".to_owned())?.map_err(message)
}

fn table(frame: &DataFrame, like: &Table) -> Result<Table, String> {
    let column = |name: &str, like: &Column| -> PolarsResult<Column> {
        let column = frame.column(name)?;
        Ok(match like {
            Column::U32(_) => Column::U32(column.u32()?.iter().map(Option::unwrap_or_default).collect()),
            Column::U64(_) => Column::U64(column.u64()?.iter().map(Option::unwrap_or_default).collect()),
            Column::I32(_) => Column::I32(column.i32()?.iter().map(Option::unwrap_or_default).collect()),
            Column::Text(_) => Column::Text(column.str()?.iter().map(|text| text.map(str::to_owned)).collect()),
        })
    };
    like.iter().map(|(name, like)| column(name, like).map(|column| (*name, column)).map_err(message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregates_are_those_of_the_group() {
        let observations = Observations {
            groups: vec![(7, 1), (2, 2), (7, 1), (7, 1)],
            durations: vec![30, 5, 10, 20],
            self_times: vec![3, 5, 1, 2],
            errors: vec![false, true, true, false],
        };
        let rows = aggregate(&observations);
        let first = Aggregate {
            group: (7, 1),
            count: 3,
            errors: 1,
            p50: 20,
            p90: 30,
            p99: 30,
            max: 30,
            total: 60,
            self_total: 6,
        };
        assert_eq!(rows[0], first);
        assert_eq!((rows.len(), rows[1].group, rows[1].count, rows[1].p99), (2, (2, 2), 1, 5));
        assert_eq!(aggregate(&Observations::default()), []);
    }

    #[test]
    fn parquet_gives_back_what_went_in() {
        let piece = |n: u64| -> Table {
            vec![
                ("number", Column::U64(vec![n, u64::MAX])),
                ("small", Column::I32(vec![-1, 99])),
                ("text", Column::Text(vec![None, Some("ä\0".into())])),
            ]
        };
        let mut bytes = Vec::new();
        write_parquet([piece(1), piece(2)].into_iter(), &mut bytes).unwrap();
        let mut back = Vec::new();
        read_parquet(&ParquetSource::Memory(bytes), &piece(0), 2, |_, table| back.push(table.unwrap())).unwrap();
        assert_eq!(back, [piece(1), piece(2)]);
    }
}
