//! `alongside import`: files in, history out. Plan first, then all of it or nothing.

use super::import_plan;
use super::import_records::{customers, events, holdings, items};
use super::import_relations::relations;
use super::import_report::{self, Rejects, Report};
use crate::clock::{self, Stopwatch};
use crate::show;
use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use events::import::{
    DayOrder, Encoding, FileKind, IdParts, ImportPlan, OrderFrom, PlanOptions, ReadOptions,
    ReadSummary, Repeats, Source, propose_kind, read_orders,
};
use events::{Currency, Reject, Timestamp};
use history::{ImportRequest, ImportSummary, OpenMode, Store};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// What the files hold.
    kind: KindArg,
    /// CSV, TSV, JSON or Parquet; plain, gzip or zstd; told by content, not by name. `-` reads
    /// standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Say which column is which: field=column (`-` for none). May be given several times.
    #[arg(long = "map", value_name = "FIELD=COLUMN")]
    map: Vec<String>,
    /// Currency of the prices where no column says it, like GBP.
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Time zone of dates that name none, like Europe/Berlin [default: UTC].
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// How to read 03/04/2026 [default: told by the data].
    #[arg(long)]
    day_order: Option<DayOrderArg>,
    /// Which sign stands before the decimals of numbers [default: told by the data].
    #[arg(long)]
    decimal: Option<DecimalArg>,
    /// Field delimiter of text files [default: told by the data].
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<String>,
    /// Encoding of text files [default: told by the data].
    #[arg(long)]
    encoding: Option<EncodingArg>,
    /// Where the orders come from: with the order id it is an order's identity.
    #[arg(long, default_value = events::DEFAULT_SOURCE, value_name = "NAME")]
    pub(super) source: String,
    /// What makes lines one order, where it is not the order id: several columns are joined by
    /// --map order_id=COLUMN+COLUMN.
    #[arg(long)]
    order_from: Option<OrderFromArg>,
    /// All files are parts of one: an order may begin in one and go on in the next. Otherwise a
    /// later file replaces the orders that it has in common with an earlier one.
    #[arg(long)]
    parts: bool,
    /// Relations: withdraw what these files' sources declared before and do not declare now.
    #[arg(long)]
    pub(super) replace: bool,
    /// Import a file of orders again that was imported before.
    #[arg(long)]
    again: bool,
    /// Refuse the whole import when more than this share of rows cannot be used, in percent.
    #[arg(long, default_value_t = 20.0, value_name = "PERCENT")]
    pub(super) max_rejects: f64,
    /// Show the plan and stop.
    #[arg(long)]
    dry_run: bool,
    /// Threads that parse [default: one a processor].
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(super) threads: usize,
    #[command(flatten)]
    output: crate::args::Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindArg {
    Orders,
    Items,
    Customers,
    Holdings,
    Events,
    Relations,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DayOrderArg {
    DayFirst,
    MonthFirst,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DecimalArg {
    Point,
    Comma,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EncodingArg {
    #[value(name = "utf-8")]
    Utf8,
    #[value(name = "windows-1252", alias = "latin-1")]
    Windows1252,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OrderFromArg {
    /// The order id alone, however often it seems to be used again.
    OrderId,
    /// The order id within a day.
    OrderDay,
    /// The order id within a location, and within a till where a column names it.
    OrderLocation,
    /// The order id within a location (and till) and a day: the receipt numbers of tills.
    OrderLocationDay,
    /// A session is an order.
    Session,
    /// What a customer bought at one time is an order.
    CustomerAndTime,
}

impl OrderFromArg {
    fn as_told(self) -> OrderFrom {
        let with = |location, day| OrderFrom::With(IdParts { location, day });
        match self {
            OrderFromArg::OrderId => OrderFrom::IdAlone,
            OrderFromArg::OrderDay => with(false, true),
            OrderFromArg::OrderLocation => with(true, false),
            OrderFromArg::OrderLocationDay => with(true, true),
            OrderFromArg::Session => OrderFrom::Session,
            OrderFromArg::CustomerAndTime => OrderFrom::CustomerAndTime,
        }
    }
}

/// `field=column` pairs.
pub(crate) fn parse_map(map: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    map.iter()
        .map(|pair| {
            let (field, column) = pair
                .split_once('=')
                .with_context(|| format!("--map {pair}: write it as field=column"))?;
            Ok((field.trim().to_owned(), column.trim().to_owned()))
        })
        .collect()
}

impl ImportArgs {
    /// What `demo` imports: one file of orders, in pounds.
    pub(crate) fn of_demo(file: PathBuf) -> ImportArgs {
        ImportArgs {
            kind: KindArg::Orders,
            files: vec![file],
            map: Vec::new(),
            currency: Some("GBP".into()),
            time_zone: Some("Europe/London".into()),
            day_order: None,
            decimal: None,
            delimiter: None,
            encoding: None,
            source: "online_retail".into(),
            order_from: None,
            parts: false,
            replace: false,
            again: false,
            max_rejects: 20.0,
            dry_run: false,
            threads: 0,
            output: crate::args::Output::default(),
        }
    }

    fn plan_options(&self) -> anyhow::Result<PlanOptions> {
        let currency = match &self.currency {
            Some(code) => {
                let known = Currency::parse(code).filter(|currency| currency.is_known());
                Some(known.with_context(|| {
                    format!("--currency {code}: give a code of ISO 4217 like GBP or EUR")
                })?)
            }
            None => None,
        };
        let delimiter = match self.delimiter.as_deref() {
            None => None,
            Some("\\t" | "tab") => Some(b'\t'),
            Some(text) if text.len() == 1 => Some(text.as_bytes()[0]),
            Some(text) => anyhow::bail!("--delimiter {text}: give one character, or `tab`"),
        };
        Ok(PlanOptions {
            map: parse_map(&self.map)?,
            time_zone: self.time_zone.clone(),
            day_order: self.day_order.map(|order| match order {
                DayOrderArg::DayFirst => DayOrder::DayFirst,
                DayOrderArg::MonthFirst => DayOrder::MonthFirst,
            }),
            currency,
            decimal: self.decimal.map(|decimal| match decimal {
                DecimalArg::Point => b'.',
                DecimalArg::Comma => b',',
            }),
            delimiter,
            encoding: self.encoding.map(|encoding| match encoding {
                EncodingArg::Utf8 => Encoding::Utf8,
                EncodingArg::Windows1252 => Encoding::Windows1252,
            }),
            order_from: self.order_from.map(OrderFromArg::as_told).unwrap_or_default(),
            event_source: Some(self.source.clone()),
        })
    }

    fn file_kind(&self) -> FileKind {
        match self.kind {
            KindArg::Orders => FileKind::Orders,
            KindArg::Items => FileKind::Items,
            KindArg::Customers => FileKind::Customers,
            KindArg::Holdings => FileKind::Holdings,
            KindArg::Events => FileKind::Events,
            KindArg::Relations => FileKind::Relations,
        }
    }
}

/// A file that is open and understood.
pub(super) struct Planned {
    pub(super) path: PathBuf,
    pub(super) source: Source,
    pub(super) plan: ImportPlan,
    pub(super) len_bytes: u64,
}

/// `-`; a file of that name is `./-`.
fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// No pipe, nor standard input.
pub(super) fn can_be_read_again(path: &Path) -> bool {
    !is_standard_input(path) && path.is_file()
}

/// A file to read from its beginning.
pub(super) fn open(path: &Path) -> anyhow::Result<Source> {
    if is_standard_input(path) {
        return Ok(Source::stream("standard input", Box::new(std::io::stdin())));
    }
    let metadata = std::fs::metadata(path);
    let metadata = metadata.with_context(|| format!("could not open {}", path.display()))?;
    ensure!(!metadata.is_dir(), "{} is a folder; name the files in it", path.display());
    Ok(Source::file(&path.display().to_string(), open_file(path)?))
}

fn open_file(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("could not open {}", path.display()))
}

fn plan_files(args: &ImportArgs) -> anyhow::Result<Vec<Planned>> {
    let options = args.plan_options()?;
    let n_inputs = args.files.iter().filter(|path| is_standard_input(path)).count();
    ensure!(n_inputs <= 1, "standard input (-) can be read once only");
    args.files
        .iter()
        .map(|path| {
            let mut source = open(path)?;
            let plan = ImportPlan::make(&mut source, args.file_kind(), &options)?;
            let len_bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
            Ok(Planned { path: path.clone(), source, plan, len_bytes })
        })
        .collect()
}

pub(crate) async fn run(dir: &Path, args: ImportArgs) -> anyhow::Result<()> {
    let files = plan_files(&args)?;
    for file in &files {
        if args.output.json && args.dry_run {
            show::line(import_plan::plan_json(&file.plan))?;
        } else if !args.output.json {
            import_plan::show_plan(&file.plan, args.dry_run)?;
        }
    }
    if args.dry_run {
        return Ok(());
    }
    if let Some(plan) = files.iter().map(|file| &file.plan).find(|plan| plan.refuses_repeats()) {
        let told = plan.repeats.describe().unwrap_or_default();
        let advice = Repeats::ADVICE;
        anyhow::bail!("{}: {told}. Nothing was imported. {advice}", plan.name);
    }
    let watch = Stopwatch::start();
    let store = Store::open(dir, OpenMode::Create).await?;
    let mut rejects = Rejects::new(store.rejects_dir(), &clock::file_time());
    let imported = match args.kind {
        KindArg::Orders => orders(&store, &args, files, &mut rejects).await,
        KindArg::Items => items(&store, &args, files, &mut rejects).await,
        KindArg::Customers => customers(&store, &args, files, &mut rejects).await,
        KindArg::Holdings => holdings(&store, &args, files, &mut rejects).await,
        KindArg::Events => events(&store, &args, files, &mut rejects).await,
        KindArg::Relations => relations(&store, &args, files, &mut rejects).await,
    };
    rejects.finish()?;
    let mut report = imported?;
    report.seconds = watch.elapsed().as_secs_f64();
    store.close().await;
    import_report::show(&report, &rejects, args.output.json)
}

/// Reads a file with a progress bar; `read` gets the source and calls back with each batch.
pub(super) struct Progress {
    bar: ProgressBar,
    consumed: Arc<AtomicU64>,
    n_rows: u64,
    watch: Stopwatch,
}

impl Progress {
    pub(super) fn start(file: &Planned) -> anyhow::Result<Progress> {
        let bar = ProgressBar::new(file.len_bytes);
        let template = "{bar:30} {percent:>3} % {msg} {elapsed} (left {eta})";
        bar.set_style(ProgressStyle::with_template(template)?);
        Ok(Progress { bar, consumed: file.source.progress(), n_rows: 0, watch: Stopwatch::start() })
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    pub(super) fn add(&mut self, n_rows: usize) {
        self.n_rows += n_rows as u64;
        let per_second = self.n_rows as f64 / self.watch.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_message(format!(
            "{} rows, {} rows/s",
            show::count(self.n_rows),
            show::count(per_second as u64)
        ));
        self.bar.set_position(self.consumed.load(Relaxed));
    }
}

/// Above the allowed share of rejects nothing is taken.
pub(super) fn check_share(
    args: &ImportArgs,
    path: &Path,
    summary: &ReadSummary,
    rejects: &Rejects,
) -> anyhow::Result<()> {
    let share = 100.0 * summary.n_rejected as f64 / (summary.n_rows.max(1)) as f64;
    if share > args.max_rejects {
        let sample = rejects.samples_text(&path.display().to_string());
        anyhow::bail!(
            "{}: {} of {} rows ({share:.1} %) cannot be used, more than --max-rejects {} %. \
             Nothing was imported, the store is as before.\n{sample}\
             All of them, to be mended and imported: {}",
            path.display(),
            show::count(summary.n_rejected),
            show::count(summary.n_rows),
            args.max_rejects,
            rejects.paths_text(),
        );
    }
    Ok(())
}

async fn orders(
    store: &Store,
    args: &ImportArgs,
    files: Vec<Planned>,
    rejects: &mut Rejects,
) -> anyhow::Result<Report> {
    let mut report = Report::new("orders");
    let request = ImportRequest::new(&args.source, clock::now());
    let refuses_repeats = files.iter().any(|file| file.plan.trusts_ids());
    let request = ImportRequest { are_parts: args.parts, refuses_repeats, ..request };
    let mut import = store.begin_orders(request)?;
    let mut fingerprints = Vec::new();
    for file in files {
        let fingerprint = fingerprint(args, &file.path)?.unwrap_or_default();
        if let Some(when) = when_imported(store, args, &fingerprint, &fingerprints).await? {
            report.add_known(&file.path, when);
            continue;
        }
        let mut progress = Progress::start(&file)?;
        let Planned { path, source, plan, len_bytes } = file;
        import.begin_file(&path.display().to_string(), &fingerprint);
        fingerprints.push(fingerprint);
        rejects.begin_file(&path, &plan);
        let mut failed: anyhow::Result<()> = Ok(());
        let options = ReadOptions { n_threads: args.threads };
        let summary = read_orders(source, &plan, options, &mut |lines, set_aside: &[Reject]| {
            progress.add(lines.len() + set_aside.len());
            for reject in set_aside {
                import.note_reject(reject.order_id.as_deref(), reject.source.as_deref());
            }
            failed = import
                .push(&lines)
                .map_err(anyhow::Error::from)
                .and_then(|()| rejects.push(set_aside));
            if failed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        progress.finish();
        failed?;
        rejects.flush()?;
        check_share(args, &path, &summary, rejects)?;
        warn_of_future(&path, &summary);
        report.add_file(&path, len_bytes, &summary);
    }
    if fingerprints.is_empty() {
        report.orders = Some(ImportSummary::default());
        return Ok(report);
    }
    let bar = ProgressBar::new_spinner().with_message("grouping orders and making them durable");
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    let propose = |item_id: &str, title: Option<&str>| propose_kind(item_id, title).map(|p| p.0);
    let summary = import.commit(&propose).await;
    bar.finish_and_clear();
    let mut summary = summary?;
    if let Some(OrderFromArg::Session | OrderFromArg::CustomerAndTime) = args.order_from {
        // A session may last for days.
        summary.doubts = None;
    }
    report.orders = Some(summary);
    Ok(report)
}

/// Dates more than a day ahead are wrong, whatever clocks and time zones do.
fn warn_of_future(path: &Path, summary: &ReadSummary) {
    let now = clock::now();
    let last = summary.span.map(|(_, last)| last).filter(|last| last.days_since(now) > 1.0);
    if let Some(last) = last {
        show::note(format!(
            "warning: {} holds orders dated in the future, up to {last}; `alongside status` counts \
             them. Is it the day order (--day-order) or the year?",
            path.display()
        ));
    }
}

/// When the file was imported, where it is to be passed over: a file that came before must not undo
/// what came after it.
async fn when_imported(
    store: &Store,
    args: &ImportArgs,
    fingerprint: &str,
    this_time: &[String],
) -> anyhow::Result<Option<Timestamp>> {
    if fingerprint.is_empty() {
        return Ok(None);
    }
    // A part that is given twice would count twice.
    if args.parts && this_time.iter().any(|other| other == fingerprint) {
        return Ok(Some(clock::now()));
    }
    match args.again {
        true => Ok(None),
        false => Ok(store.when_imported(&args.source, fingerprint).await?),
    }
}

/// What tells the file apart; `None` for what cannot be read twice.
fn fingerprint(args: &ImportArgs, path: &Path) -> anyhow::Result<Option<String>> {
    if !can_be_read_again(path) {
        return Ok(None);
    }
    let mut file = open_file(path)?;
    // The same bytes read in another way are another import.
    let how_read = format!("{:?}", args.plan_options()?);
    Ok(Some(history::fingerprint(path, &mut file, &how_read)?))
}
