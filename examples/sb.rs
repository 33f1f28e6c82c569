fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let binary = std::path::PathBuf::from(std::env::args().nth(2).unwrap());
    let faults = std::env::args().skip(4).map(|f| f.parse().unwrap()).collect();
    let speed = if std::env::args().nth(3).unwrap() == "watch" { stagegate::sandbox::host::Speed::Watch } else { stagegate::sandbox::host::Speed::Instant };
    let o = stagegate::sandbox::host::BuildOptions { dir: dir.into(), binary, speed, faults, fresh: false, now: jiff::Timestamp::now() };
    let t = std::time::Instant::now();
    let b = stagegate::sandbox::host::build(&o, &mut |l| println!("{l}")).unwrap();
    println!("{:?} {:?}", b, t.elapsed());
}
