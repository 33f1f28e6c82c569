# How the scenarios speak to Stagegate, and how they claim something of what came of it.
#
# A claim prints one line and never ends the script, so that one failure hides no other. What is claimed of the
# trees is asked of other tools (diff, gpg, python), never of Stagegate.

passed=0 failed=0

# `that CLAIM COMMAND…`: the claim holds if the command succeeds; what it says is shown where it does not.
that() {
  local claim=$1 said
  shift
  if said=$("$@" 2>&1); then
    passed=$((passed + 1))
    echo "ok      $claim"
  else
    failed=$((failed + 1))
    echo "FAILED  $claim"
    [[ -z $said ]] || head -n 30 <<<"$said" | sed 's/^/        | /'
  fi
}

closing() {
  echo "$passed passed, $failed failed"
  [[ $failed -eq 0 ]]
}

heading() {
  echo "-- $1"
}

# What a step wrote, for whoever asked for it with KEEP=1.
keep_logs() {
  cp -a -- /tmp/state/runs "$kept/runs"
}

sg() {
  timeout 600 stagegate --state /tmp/state "$@"
}

# Runs a command of Stagegate; leaves its exit code in `code`, its words in /tmp/said and its run in `run`.
sg_coded() {
  code=0
  sg "$@" >/tmp/said 2>&1 </dev/null || code=$?
  run=$(sg runs --format json | ask 'print(max(((one["started"], one["id"]) for one in given), default=("", ""))[1])')
}

# `ask CODE ARGUMENTS…`: runs Python on the JSON of its input, which is `given`.
ask() {
  local code=$1
  shift
  python3 -c "import json, sys; given = json.load(sys.stdin)
$code" "$@"
}

exit_code_is() {
  [[ $code -eq $1 ]] || {
    echo "exit code $code instead of $1"
    tail -n 20 /tmp/said
    return 1
  }
}

# `steps_are STEP=STATE…`: the states of the run's steps are these, and no other step of it began.
steps_are() {
  sg runs --format json | ask '
wanted = dict(word.split("=") for word in sys.argv[2:])
steps = next(one for one in given if one["id"] == sys.argv[1])["steps"]
bad = ["{}: {}, not {}".format(step["id"], step["state"], wanted.get(step["id"], "pending")) for step in steps
       if step["state"] not in wanted.get(step["id"], "pending").split("|")]
bad += ["no step " + id for id in set(wanted) - {step["id"] for step in steps}]
print("\n".join(bad))
sys.exit(bool(bad))' "$run" "$@" || {
    tail -n 20 /tmp/said
    return 1
  }
}

# The steps of an update before its gate, each with a state.
before_gate() {
  local repo
  for repo in ${1//,/ }; do
    echo "8/sync/$repo=$2"
  done
  echo "8/prep=$2 8/errata=$2 8/sign=$2"
}

step_exited() {
  sg runs --format json | ask '
steps = next(one for one in given if one["id"] == sys.argv[1])["steps"]
code = next(step for step in steps if step["id"] == sys.argv[2])["exit_code"]
print(code)
sys.exit(str(code) != sys.argv[3])' "$run" "$1" "$2"
}

# A before-check stopped the step: it has no attempt.
not_started() {
  sg report "$run" --format json | ask '
step = next(step for step in given["steps"] if step["id"] == sys.argv[1])
print(step["attempts"], "attempts")
sys.exit(step["attempts"] != 0)' "$1"
}

# `step_says STEP WORDS`: the reason of the step's state, or a blocking finding of it, has the words.
step_says() {
  sg report "$run" --format json | ask '
step = next(step for step in given["steps"] if step["id"] == sys.argv[1])
words = [step["reason"]] + ["{} {}".format(f["path"], f["message"]) for f in step["findings"] if f["severity"] == "blocking"]
print("\n".join(words))
sys.exit(not any(sys.argv[2] in line for line in words))' "$1" "$2"
}

# The revision that the status gives a release, and that it may run.
revision_is() {
  ask '
release = next(one for one in given["releases"] if one["major"] == sys.argv[1])
print(release)
sys.exit(release["revision"] != sys.argv[2] or release["problem"] is not None)' "$1" "$2" </tmp/status.json
}

# `positions_are REPOS STAGING PRODUCTION`: the states that the status gives each of the repos.
positions_are() {
  ask '
repos = {repo["name"]: repo for repo in next(one for one in given["releases"] if one["major"] == "8")["repos"]}
wrong = [repos[name] for name in sys.argv[1].split(",")
         if [repos[name][place]["state"] for place in ("staging", "production")] != sys.argv[2:]]
print(*wrong, sep="\n")
sys.exit(bool(wrong))' "$@" </tmp/status.json
}

# The status says that nothing of a release can run, and names the vars file that is not there.
cannot_run() {
  ask '
release = next(one for one in given["releases"] if one["major"] == sys.argv[1])
print(release["problem"])
sys.exit("common_" + sys.argv[1] not in (release["problem"] or ""))' "$1" </tmp/status.json
}

no_blocking_finding() {
  ask '
blocking = [f for f in given["findings"] if f["severity"] == "blocking"]
for finding in blocking: print(finding["check"], finding["path"], finding["message"])
sys.exit(bool(blocking) or given["state"] != "waiting")' </tmp/gate.json
}

# `gate_blocks_on CHECK PATH`: among the gate's blocking findings there is this one.
gate_blocks_on() {
  ask '
blocking = [(f["check"], f["path"]) for f in given["findings"] if f["severity"] == "blocking"]
print(*blocking, sep="\n")
sys.exit((sys.argv[1], sys.argv[2]) not in blocking)' "$@" </tmp/gate.json
}

# ------------------------------------------------------------------------------ what is on disk

empty_folder() {
  [[ -d $1 && -z $(ls -A "$1") ]]
}

# Keeps staging and production under a name; `restore` brings them back, hard links and all.
save() {
  mkdir -p "$world/saved/$1"
  rsync -aH --delete /mnt/repos-staging /mnt/repos-production "$world/saved/$1/"
}

restore() {
  rsync -aH --delete "$world/saved/$1/repos-staging" "$world/saved/$1/repos-production" /mnt/
}

# Lets every `latest-` link of the release name its oldest or its newest finished compose.
compose_of_day() {
  python3 - "$1" <<'PYTHON'
import pathlib, sys
top = pathlib.Path("/mnt/compose/8")
for link in sorted(top.glob("latest-*-8")):
    repo = link.name[len("latest-"):-len("-8")]
    done = [c for c in top.glob(f"{repo}-8-updates-*") if (c / "STATUS").read_text().strip() == "FINISHED"]
    done.sort(key=lambda c: tuple(map(int, c.name.rsplit("-", 1)[1].split("."))))
    link.unlink()
    link.symlink_to(done[0 if sys.argv[1] == "oldest" else -1].name)
PYTHON
}

# Makes a compose of Rocky as `produce-8.sh` would, with images, out of the newest, and lets the link name it.
compose_with_images() {
  local top=/mnt/compose/8 id=Rocky-8.5-20261121.0 old arch image place
  compose_of_day newest
  old=$(readlink "$top/latest-Rocky-8")
  cp -a -- "$top/$old" "$top/$id"
  echo -n "$id" >"$top/$id/COMPOSE_ID"
  sed -i "s/$old/$id/g" "$top/$id"/compose/metadata/*.json
  for arch in x86_64 aarch64; do
    for image in BaseOS/$arch/iso/Rocky-8.5-$arch-boot BaseOS/$arch/iso/Rocky-8.5-$arch-dvd1 \
      Minimal/$arch/iso/Rocky-8.5-$arch-minimal; do
      place=$top/$id/compose/$image
      mkdir -p "${place%/*}"
      head -c 300000 /dev/urandom >"$place.iso"
      echo "/$image" >"$place.iso.manifest"
      (cd "${place%/*}" && sha256sum --tag ./*.iso >CHECKSUM)
    done
  done
  ln -sfn "$id" "$top/latest-Rocky-8"
}

# Everything in production, lists and all: size, content's time, path.
snapshot() {
  find /mnt/repos-production -printf '%y %s %T@ %p\n' | sort -k4
}

unchanged() {
  snapshot | diff /tmp/before -
}

# What production has on top of staging is the metadata of before: the push of 2021 deletes nothing.
like_staging() {
  ! diff -rq "$staging" "$production" | grep -v "^Only in $production"
}

unlike_production() {
  ! diff -rq "$staging" "$production" >/dev/null 2>&1
}

# The toolkit of 2021 signs neither SIG repos nor the kickstart of repos with comps.
signatures_good() {
  local repomd bad=0 count=0
  while IFS= read -r repomd; do
    count=$((count + 1))
    gpg --batch --quiet --verify "$repomd.asc" "$repomd" 2>/dev/null || { echo "BAD: $repomd"; bad=1; }
  done < <(find "$production" -path "$production/storage" -prune -o -path '*/kickstart' -prune -o -name repomd.xml -print)
  [[ $count -gt 20 && $bad -eq 0 ]] || { echo "$count repos"; return 1; }
}

# Every package on disk stands in its repo's primary, as python reads it.
packages_listed() {
  python3 - "$production" <<'PYTHON'
import gzip, lzma, pathlib, re, sys
top, bad, count = pathlib.Path(sys.argv[1]), 0, 0
for repomd in top.rglob("repomd.xml"):
    repo = repomd.parent.parent
    if "storage" in repo.parts:
        continue
    href = re.search(r'<data type="primary">.*?<location href="([^"]+)"', repomd.read_text(), re.S)[1]
    data = (repo / href).read_bytes()
    text = (gzip if href.endswith(".gz") else lzma).decompress(data).decode()
    listed = set(re.findall(r'<location href="([^"]+)"', text))
    there = {str(path.relative_to(repo)) for path in repo.rglob("*.rpm")}
    count += len(there)
    if listed != there:
        bad += 1
        print(repo, "not listed:", sorted(there - listed), "not there:", sorted(listed - there))
print(count, "packages")
sys.exit(bad or not count)
PYTHON
}

older_packages_stay() {
  [[ $(find "$production/BaseOS/x86_64/os" -name 'bash-4*.rpm' | wc -l) -gt 1 ]]
}

lists_whole() {
  python3 - "$lists" <<'PYTHON'
import pathlib, sys
top = pathlib.Path(sys.argv[1])
there = {str(path.relative_to(top)) for path in top.rglob("*.rpm")}
for name in ("fullfiletimelist-rocky", "fullfiletimelist"):
    lines = (top / name).read_text().splitlines()
    named = {line.split("\t")[3] for line in lines if line.count("\t") == 3}
    if lines[-1] != "[End]" or not there or there - named:
        sys.exit(f"{name}: {len(there - named)} of {len(there)} packages not named, last line {lines[-1]!r}")
PYTHON
}

# ------------------------------------------------------------------------------ what goes wrong

# `wrap PROGRAM SHELL`: puts a program of that name first in PATH, for sudo too; the shell runs before the real one.
wrap() {
  local real
  real=$(PATH=${PATH#/usr/local/sbin:} type -P "$1")
  printf '#!/bin/bash\n%s\nexec %q "$@"\n' "$2" "$real" >"/usr/local/sbin/$1"
  chmod 755 "/usr/local/sbin/$1"
}

unwrap() {
  rm -f /usr/local/sbin/*
}

# A gpg-agent keeps its keys open after their folder was moved away.
end_agent() {
  gpgconf --homedir "$1" --kill gpg-agent || true
}
