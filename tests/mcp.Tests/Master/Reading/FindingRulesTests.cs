using Mcp.Cli;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Master.Snapshots;
using Mcp.Placement;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Tests.Master.Reading;

public class FindingRulesTests
{
    private static readonly DateTimeOffset Now = new(2026, 4, 1, 12, 0, 0, TimeSpan.Zero);

    [Test]
    public async Task Each_kind_is_found_once_and_the_worst_come_first()
    {
        var found = FindingRules.Compute(Everything());
        await Assert.That(found.Select(f => f.Kind).Distinct()).IsEquivalentTo(
        [
            "node unhealthy", "node problem", "unconfirmed", "version skew", "certificate expiring", "clock skew", "stale", "drift", "orphan", "edge route missing",
            "superseded", "contested data", "data behind", "data missing", "node behind", "operation open", "restored", "term refused",
        ]);
        await Assert.That(found.Select(FindingKey.Of).Distinct().Count()).IsEqualTo(found.Count);
        var severities = found.Select(f => f.Severity).ToList();
        await Assert.That(severities.LastIndexOf("error")).IsLessThan(severities.IndexOf("warning"));
    }

    [Test]
    [NotInParallel("command line")]
    public async Task Every_command_that_a_finding_names_exists_with_its_options()
    {
        var catalogue = new CommandCatalogue(Program.Verbs());
        foreach (var finding in FindingRules.Compute(Everything()))
        {
            await Assert.That(finding.Command).IsNotEmpty();
            foreach (var command in finding.Command.Split(';').Select(c => c[Math.Max(0, c.IndexOf("mcp ", StringComparison.Ordinal))..]).Where(c => c.StartsWith("mcp ", StringComparison.Ordinal)))
            {
                var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..];
                var name = catalogue.Names.FirstOrDefault(n => n == string.Join(' ', words.Take(2))) ?? catalogue.Names.FirstOrDefault(n => n == words[0]);
                await Assert.That(name).IsNotNull().Because($"'{command}' of {finding.Kind} is not a command");
                var shape = catalogue.Shape(name!);
                foreach (var option in words.Where(w => w.StartsWith('-')))
                    await Assert.That(shape.Options.Any(o => o.Long == option || o.Short == option)).IsTrue().Because($"'{command}' of {finding.Kind}: {name} has no {option}");
                var given = words.Skip(name!.Split(' ').Length).TakeWhile(w => !w.StartsWith('-')).Count();
                await Assert.That(given).IsLessThanOrEqualTo(shape.Arguments.Count).Because(command);
                await Assert.That(given).IsGreaterThanOrEqualTo(shape.Arguments.Count(a => a.Required)).Because(command);
                foreach (var required in shape.Options.Where(o => o.Required))
                    await Assert.That(words).Contains(required.Long);
            }
        }
    }

    [Test]
    public async Task Nothing_is_judged_of_a_silent_node_or_of_what_is_at_work()
    {
        var facts = Everything();
        var silent = facts with { Answers = facts.Answers.ToDictionary(a => a.Key, a => new NodeAnswer(a.Key, null, [], "silent")), Open = [] };
        await Assert.That(FindingRules.Compute(silent).Select(f => f.Kind)).DoesNotContain("stale").And.DoesNotContain("orphan").And.DoesNotContain("drift");
        await Assert.That(FindingRules.CanJudge(silent, new FindingKey("stale", "orion", "notes"))).IsFalse();
        await Assert.That(FindingRules.CanJudge(silent, new FindingKey("orphan", "orion", "stray"))).IsFalse();
        // Its placement is gone: nothing more will be heard of it.
        await Assert.That(FindingRules.CanJudge(silent, new FindingKey("stale", "orion", "gone"))).IsTrue();
        var busy = facts with { Busy = new HashSet<string> { "notes", "drifted", "stray", "twice" } };
        await Assert.That(FindingRules.Compute(busy).Select(f => f.Kind)).DoesNotContain("stale").And.DoesNotContain("orphan").And.DoesNotContain("drift");
        await Assert.That(FindingRules.CanJudge(busy, new FindingKey("stale", "orion", "notes"))).IsFalse();
    }

    [Test]
    public async Task What_a_node_said_before_the_record_was_written_does_not_contradict_it()
    {
        var facts = Everything();
        // As right after `mcp data accept`: the node has the new epoch, and says so with its next Register.
        var accepted = facts with { Seen = facts.Seen.ToDictionary(s => s.Key, s => s.Value with { RegisteredAt = "2026-03-29T00:00:00Z" }) };
        await Assert.That(FindingRules.Compute(accepted).Select(f => f.Kind)).DoesNotContain("data behind").And.DoesNotContain("data missing");
    }

    [Test]
    public async Task An_operation_at_work_is_no_finding()
    {
        var facts = Everything() with { IsAtWork = _ => true };
        await Assert.That(FindingRules.Compute(facts).Select(f => f.Kind)).DoesNotContain("operation open");
    }

    [Test]
    public async Task Snapshots_that_are_old_damaged_shrunk_or_incomplete_and_drills_that_failed_or_are_overdue_are_found()
    {
        var newest = new[]
        {
            Snapshot("notes", Now.AddHours(-49)),
            Snapshot("drifted", Now.AddHours(-47), s => s.Skipped.Add([new SkippedEntry { Path = Google.Protobuf.ByteString.CopyFromUtf8("sock"), Rule = "is a socket" }, new SkippedEntry { Rule = "is excluded by the definition" }])),
            Snapshot("mcp-agent/vega", Now.AddHours(-60)),
        };
        var courses = new[]
        {
            new SnapshotCourse("notes", Timestamp.Format(Now.AddHours(-1)), "the disk is full", "old.tar.zst", Timestamp.Format(Now.AddDays(-1)), "never healthy", null),
            new SnapshotCourse("drifted", null, "", "", null, "", Timestamp.Format(Now.AddDays(-15))),
        };
        var facts = Everything() with
        {
            Snapshots = new SnapshotFacts(
                newest.ToDictionary(s => s.Service), new Dictionary<string, long> { ["drifted"] = 2, ["twice"] = 1 }, new HashSet<string> { "notes", "drifted" }, courses.ToDictionary(c => c.Service), TimeSpan.FromHours(24), TimeSpan.FromDays(7)),
        };
        var found = FindingRules.Compute(facts).Where(f => f.Kind.Contains("snapshot", StringComparison.Ordinal) || f.Kind.Contains("drill", StringComparison.Ordinal)).ToList();
        await Assert.That(found.Select(f => $"{f.Kind} {f.Service}{(f.Service.Length == 0 ? f.Node : "")}")).IsEquivalentTo(
        [
            "snapshot old notes", "snapshot old twice", "snapshot old vega", "snapshot missing drifted", "snapshot missing twice", "files in no snapshot drifted", "snapshot shrunk notes", "drill failed notes", "drill overdue drifted",
        ]);
        await Assert.That(found.Single(f => f is { Kind: "snapshot old", Service: "notes" }).Message).Contains("the disk is full");
        // Worse where there is no other.
        await Assert.That(found.Where(f => f.Kind == "snapshot missing").Select(f => $"{f.Severity} {f.Service}")).IsEquivalentTo(["warning drifted", "error twice"]);
        await Assert.That(found.Single(f => f.Kind == "files in no snapshot").Message).Contains("1 of the files");
        await Assert.That(found.All(f => f.Command.StartsWith("mcp snapshot ", StringComparison.Ordinal))).IsTrue();
        // Where nothing is scheduled, nothing is overdue.
        var off = facts with { Snapshots = facts.Snapshots! with { Interval = TimeSpan.Zero, Drill = TimeSpan.Zero } };
        await Assert.That(FindingRules.Compute(off).Select(f => f.Kind)).DoesNotContain("snapshot old").And.DoesNotContain("drill overdue");
    }

    private static SnapshotRow Snapshot(string service, DateTimeOffset at, Action<StreamTrailer>? change = null)
    {
        var trailer = new StreamTrailer();
        change?.Invoke(trailer);
        return new SnapshotRow { Service = service, Filename = "x", Node = "orion", SizeBytes = 1, FileSha256 = "", CreatedAt = Timestamp.Format(at), Manual = false, Trailer = trailer };
    }

    private static FindingFacts Everything()
    {
        var nodes = new[] { "orion", "vega", "lyra", "dead" }.Select(n => new NodeRow(n, "worker", $"{n}:1", false, false, "2026-01-01T00:00:00Z", "amd64", n == "lyra" ? "0.9" : "1")).ToList();
        var orion = new LiveCheckResponse
        {
            Containers =
            {
                new ContainerStatus { Service = "notes", Component = "notes", State = "exited", ExitCode = 1 },
                new ContainerStatus { Service = "drifted", Component = "drifted", State = "running", Drift = true },
                new ContainerStatus { Service = "stray", Component = "stray", State = "running" },
            },
        };
        var vega = new LiveCheckResponse { Containers = { new ContainerStatus { Service = "notes", Component = "notes", State = "running" }, new ContainerStatus { Service = "twice", Component = "twice", State = "running" } } };
        return new FindingFacts
        {
            Now = Now,
            Version = "1",
            Nodes = nodes,
            Seen = nodes.ToDictionary(n => n.Name, n => new NodeObservation(n.Name, "2026-03-31T00:00:00Z", null, "", 0, 0, 0, 0, 0)),
            Condition = n => new NodeCondition(n == "dead" ? NodeHealth.Unhealthy : NodeHealth.Healthy, "does not answer", Now, Now, true, n != "dead", n != "dead", n == "lyra" ? TimeSpan.FromHours(1) : TimeSpan.Zero),
            Answers = new Dictionary<string, NodeAnswer>
            {
                ["orion"] = new("orion", orion, ["podman: down", "disk full"], null, Unconfirmed: true),
                ["vega"] = new("vega", vega, [], null),
                ["lyra"] = new("lyra", new LiveCheckResponse(), [], null),
                ["dead"] = new("dead", null, [], "silent"),
            },
            Busy = new HashSet<string>(),
            Placements =
            [
                Placement("notes", "orion", s => s.Components[0].Routes.AddRange([Public("a.example.org"), Public("b.example.org")])),
                Placement("drifted", "orion"),
                Placement("twice", "vega") with { Generation = 2 },
                Placement("new", "vega") with { Pending = true, Generation = 0 },
            ],
            Data = [Data("notes", "orion", 3), Data("drifted", "orion", 2), Data("twice", "vega", 2), Data("lost", "lyra", 1)],
            Reported =
            [
                new("vega", "notes", 2, "v", 1, true), new("orion", "notes", 3, "v", 1, true), new("orion", "drifted", 1, "v", 1, true),
                new("vega", "twice", 2, "v", 1, true), new("orion", "twice", 2, "v", 1, true),
            ],
            Open =
            [
                new OperationRow { Id = "op1", Kind = "deploy", Service = "blog", Node = "dead", Principal = "human/alice", RequestKey = "", Request = [], State = "running", Started = "2026-04-01T11:59:00Z" },
            ],
            IsAtWork = _ => false,
            CertificateEnds = new Dictionary<string, string> { ["agent/orion"] = "2026-04-10T00:00:00Z", ["master/mcp-master"] = "2026-03-10T00:00:00Z" },
            Awaited = ["lyra"],
            Estranged = ["vega"],
        };
    }

    private static RouteSpec Public(string hostname) => new() { Name = hostname[..1], Port = 443, Mode = "l7", Hostname = hostname, Public = true };

    private static PlacementRow Placement(string service, string node, Action<ServiceSpec>? change = null) => new()
    {
        Service = service,
        Node = node,
        Pending = false,
        Spec = MasterBench.Spec(service, change),
        SpecHash = "h",
        Images = [],
        Ports = [],
        Generation = 1,
        Epoch = 1,
        VolumeId = "v",
        Principal = "human/alice",
        At = "2026-03-30T00:00:00Z",
        Operation = "op",
    };

    private static DataRecord Data(string service, string node, ulong epoch) => new() { Service = service, Node = node, VolumeId = "v", Epoch = epoch, State = "current", Updated = "2026-03-30T00:00:00Z" };
}
