//! `alongside export`: what is in the store, back in files that everybody reads.

use crate::show;
use anyhow::Context;
use clap::{Args, ValueEnum};
use flate2::write::GzEncoder;
use history::{ExportFormat, Store};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    what: What,
    /// File to write; ends in .csv, .tsv, .jsonl or .parquet (orders only), the first three also
    /// packed: .csv.gz, .csv.zst.
    file: PathBuf,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    Orders,
    Items,
    Customers,
    Relations,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Zstd,
}

pub(crate) async fn run(dir: &Path, args: ExportArgs) -> anyhow::Result<()> {
    let (format, packing) = format_of(&args.file, args.what)?;
    // Live orders are sealed first where this may write; beside a read-only store what is sealed
    // goes out.
    let store = super::open_to_read(dir).await?;
    if args.what == What::Orders && store.is_read_only() {
        tell_left_out(&store).await?;
    }
    let file = if args.force { File::create(&args.file) } else { File::create_new(&args.file) };
    let file = file.with_context(|| {
        format!("could not make {} (--force writes over a file that is there)", args.file.display())
    })?;
    let mut out = Out::new(file, packing)?;
    let n = match args.what {
        What::Orders => {
            let (n, written) = store.export_orders(format, out).await?;
            out = written;
            n
        }
        What::Items => store.export_items(format, &mut out).await?,
        What::Customers => store.export_customers(format, &mut out).await?,
        What::Relations => store.export_relations(format, &mut out).await?,
    };
    out.finish().with_context(|| format!("could not write {}", args.file.display()))?;
    store.close().await;
    show::line(format!("{} rows in {}", show::count(n), args.file.display()))
}

/// Live orders are sealed before they are exported, which writes.
async fn tell_left_out(store: &Store) -> anyhow::Result<()> {
    let n = store.status().await?.n_orders_in_tail;
    if n > 0 {
        show::note(format!(
            "note: {} cannot be written, so {} live orders that are not sealed yet are left out",
            store.dir().display(),
            show::count(n)
        ));
    }
    Ok(())
}

/// What the name of the file asks for.
fn format_of(file: &Path, what: What) -> anyhow::Result<(ExportFormat, Packing)> {
    let name = file.file_name().map(|name| name.to_string_lossy().to_lowercase());
    let name = name.unwrap_or_default();
    let (stem, packing) = [(".gz", Packing::Gzip), (".zst", Packing::Zstd)]
        .iter()
        .find_map(|(ending, packing)| Some((name.strip_suffix(ending)?, *packing)))
        .unwrap_or((&name, Packing::None));
    let format = match stem.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv") => ExportFormat::Csv,
        Some("tsv") => ExportFormat::Tsv,
        Some("jsonl" | "ndjson") => ExportFormat::JsonLines,
        Some("parquet") => ExportFormat::Parquet,
        _ => anyhow::bail!(
            "the name of {} does not tell a format: end it in .csv, .tsv, .jsonl or .parquet \
             (orders only), the first three also in .gz or .zst behind that",
            file.display()
        ),
    };
    if format == ExportFormat::Parquet && what != What::Orders {
        anyhow::bail!("all but orders are written as text: name a .csv, .tsv or .jsonl file");
    }
    if format == ExportFormat::Parquet && packing != Packing::None {
        anyhow::bail!("Parquet is packed inside: name a file that ends in .parquet");
    }
    Ok((format, packing))
}

/// A file, packed on the way.
enum Out {
    Plain(BufWriter<File>),
    Gzip(GzEncoder<BufWriter<File>>),
    Zstd(zstd::Encoder<'static, BufWriter<File>>),
}

impl Out {
    fn new(file: File, packing: Packing) -> io::Result<Out> {
        let file = BufWriter::new(file);
        Ok(match packing {
            Packing::None => Out::Plain(file),
            Packing::Gzip => Out::Gzip(GzEncoder::new(file, flate2::Compression::default())),
            Packing::Zstd => Out::Zstd(zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?),
        })
    }

    /// Whatever is not written by now is an error, and no shorter file.
    fn finish(self) -> io::Result<()> {
        let mut file = match self {
            Out::Plain(file) => file,
            Out::Gzip(encoder) => encoder.finish()?,
            Out::Zstd(encoder) => encoder.finish()?,
        };
        file.flush()
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Out::Plain(file) => file,
            Out::Gzip(encoder) => encoder,
            Out::Zstd(encoder) => encoder,
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer().write(bytes)
    }

    /// Not handed down: packing in small pieces packs badly, and [`Out::finish`] writes all.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_format_or_is_refused() {
        let told = |name: &str, what| match format_of(Path::new(name), what) {
            Ok((format, packing)) => format!("{format:?} {packing:?}"),
            Err(error) => error.to_string(),
        };
        for (name, expected) in [
            ("o.csv", "Csv None"),
            ("O.CSV.GZ", "Csv Gzip"),
            ("a.b.tsv.zst", "Tsv Zstd"),
            ("o.ndjson", "JsonLines None"),
            ("o.parquet", "Parquet None"),
        ] {
            assert_eq!(told(name, What::Orders), expected);
        }
        for name in ["o.json", "o", "csv", "o.gz", "o.xlsx"] {
            assert!(told(name, What::Orders).contains(".csv, .tsv, .jsonl"), "{name}");
        }
        assert!(told("o.parquet.gz", What::Orders).contains("packed inside"));
        assert!(told("i.parquet", What::Items).contains("as text"));
    }
}
