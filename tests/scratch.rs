//! Scratch.
mod common;
use common::*;
use scimproof::model::Choices;

#[test]
fn scratch() {
    let lives: usize = std::env::var("LIVES").ok().and_then(|v| v.parse().ok()).unwrap_or(64);
    let idp = std::env::var("IDP").unwrap_or("jumpcloud-workramp".into());
    let sp = std::env::var("SP").ok();
    let choices = std::env::var("CHOICES").map(|c| Choices::parse(&c, 1).unwrap()).unwrap_or(friendly());
    let provider = reference(sp.as_deref(), choices);
    let mut o = options(&idp, sp.as_deref(), lives, 1);
    o.shrink = std::env::var("SHRINK").is_ok();
    o.fault = std::env::var("FAULT").ok();
    let t = std::time::Instant::now();
    let run = play(provider.clone(), sp.as_deref(), &o);
    println!("time {:?}", t.elapsed());
    println!("refusal {:?} unmet {:?} trouble {:?} lacks {:?}", run.refusal, run.unmet, run.trouble, run.canary.lacks);
    println!("{:#?}", run.totals);
    for w in words(&run) {
        println!("{w}");
    }
    if std::env::var("SHOW").is_ok() {
        for r in &run.findings {
            println!("---- {} {:?} {:?} minimal {}", r.finding.fingerprint, r.finding.rule, r.reproduced, r.minimal);
            if let Some(s) = &r.scenario {
                println!("{}", s.to_yaml().unwrap());
            }
            for l in &r.finding.exchanges {
                println!(
                    "{} {} {} -> {} {:?}\n   {}\n   {}",
                    l.origin,
                    l.method,
                    l.path,
                    l.status,
                    l.differs,
                    l.request.as_ref().map(|v| v.to_string()).unwrap_or_default(),
                    l.response.as_ref().map(|v| v.to_string()).unwrap_or_default()
                );
            }
        }
    }
    println!(
        "left users {} groups {}",
        provider.with(|p| p.count(scimproof::expectation::Kind::User)),
        provider.with(|p| p.count(scimproof::expectation::Kind::Group))
    );
}
