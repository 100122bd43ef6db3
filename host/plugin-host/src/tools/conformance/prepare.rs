//! What comes before the first validator: the library is checked, loaded and described, its needs and the
//! options for it are valid.

use std::sync::Arc;

use tracing::Level;

use super::{
    Plan,
    bench::Bench,
    budget::Budget,
    listener::Listener,
    report::{Progress, Report, Seen},
    secrets,
    stalls::Stalls,
};
use crate::{
    Settings,
    boundary::{Factory, Library, load, plugin_log, redact, sealed::SealedLibrary},
    library::check,
    tools::{
        confine::{Ground, Known},
        describe::Undescribed,
        resolve,
    },
};

/// Everything that comes before the first validator; `None`: the report holds the reason.
pub(super) fn prepare(
    settings: &Settings,
    plan: &Plan,
    Ground(ground): Ground,
    progress: &Progress,
    report: &Report,
    budget: &Arc<Budget>,
) -> Option<Bench> {
    let (library, factory, known) = open(settings, plan, ground, report)?;
    let mut needs = None;
    report.step("its needs are valid", || {
        needs = Some(known.needs?);
        Ok(needs.clone().unwrap_or_default())
    });
    needs?;
    let mut config = None;
    report.step("the options fit its schema", || {
        let made = known.options?;
        config = Some(made.json);
        Ok(format!("{} options are set", made.origins.len()))
    });
    let unmarked = secrets::unmarked(&factory.schema);
    if !unmarked.is_empty() {
        report.add(
            "its secrets are marked",
            Ok(Seen::Odd(format!(
                "{} is named like a secret and has no `x-secret`: the log and errors may show it",
                unmarked.join(", ")
            ))),
        );
    }
    let listener = Arc::new(Listener::default());
    let ear = Arc::clone(&listener);
    plugin_log::redirect_all(Level::TRACE, move |record| {
        let place = format!(
            "a log record of level {}, target {}",
            record.level,
            redact::for_log(record.target)
        );
        for text in [
            record.message,
            record.fields,
            record.target,
            record.plugin,
            record.request_id,
        ] {
            ear.hear(&place, text);
        }
    });
    let bench = Bench {
        library,
        factory: factory.name,
        schema: factory.schema,
        config: config?,
        down: known.down,
        clock: settings.clock.clone(),
        listener,
        progress: progress.clone(),
        stalls: Stalls::default(),
        budget: Arc::clone(budget),
    };
    bench.keep_secrets(&bench.options(&bench.config));
    if let Some(Ok(down)) = &bench.down {
        bench.keep_secrets(&bench.options(down));
    }
    Some(bench)
}

/// Checks and loads the library, and finds the factory in it.
fn open(
    settings: &Settings,
    plan: &Plan,
    ground: Result<Known, Undescribed>,
    report: &Report,
) -> Option<(Arc<dyn Library>, Factory, Known)> {
    let (mut file, mut library, mut factory, mut known) = (None, None, None, None);
    report.step("the file is trusted and whole", || {
        let found = resolve(&settings.directories, &plan.library).map_err(|e| e.to_string())?;
        let checked = check::check(&found, None).map_err(|e| e.to_string())?;
        let digest = checked.sha256;
        file = Some(checked);
        Ok(format!("sha256 {digest}"))
    });
    let file = file?;
    report.step("it loads", || {
        if let Err(hangs @ Undescribed::Hangs(_)) = &ground {
            return Err(hangs.to_string());
        }
        let file = SealedLibrary::of(&file).map_err(|error| error.to_string())?;
        let loaded = load::load(&file).map_err(|error| error.to_string())?;
        let version = loaded.abi_version();
        library = Some(loaded);
        Ok(format!("plugin API {version}"))
    });
    let library = library?;
    report.step("it describes itself", || {
        let described = library.info().and_then(|_| library.factories());
        let factories = described.map_err(|bad| bad.to_string())?;
        let names: Vec<_> = factories.iter().map(|one| one.name.clone()).collect();
        let described = ground.map_err(|reason| reason.to_string())?;
        let chosen = described.factory.clone()?;
        factory = factories.into_iter().find(|one| one.name == chosen);
        if factory.is_none() {
            return Err("it does not describe itself in the same way twice".to_owned());
        }
        known = Some(described);
        Ok(names.join(", "))
    });
    Some((library, factory?, known?))
}
