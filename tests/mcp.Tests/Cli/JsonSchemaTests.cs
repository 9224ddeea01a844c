using System.Text.Json;
using Mcp.Cli.Output.Json;
using Mcp.V1;

namespace Mcp.Tests.Cli;

/// <summary>The JSON that scripts read: a renamed or removed field fails here, before it fails at somebody's site.</summary>
public class JsonSchemaTests
{
    private static readonly ContainerStatus Container = new()
    {
        Service = "notes",
        Component = "web",
        Id = "abc",
        Name = "notes-web",
        Image = "r/notes:v1",
        ImageDigest = "sha256:1",
        State = "running",
        ExitCode = 0,
        Started = "2026-04-01T00:00:00Z",
        Generation = 3,
        Drift = true,
        Health = "healthy",
        Ports = { new HostPort { Route = "public", HostIp = "127.0.0.1", HostPort_ = 10000, ContainerPort = 8080, Hostname = "n.example", Listener = 8443 } },
    };

    [Test]
    public async Task Ps()
    {
        var document = new PsDocument([Container.ToDocument("orion")], [new SilentNodeDocument("vega", "no answer", ["memos"])]);
        await Assert.That(Compact(JsonSerializer.Serialize(document, CliJson.Default.PsDocument))).IsEqualTo(
            """{"containers":[{"node":"orion","service":"notes","component":"web","name":"notes-web","id":"abc","state":"running","health":"healthy","exit_code":0,"image":"r/notes:v1","image_digest":"sha256:1","started":"2026-04-01T00:00:00Z","generation":3,"drift":true,"ports":[{"route":"public","host_ip":"127.0.0.1","host_port":10000,"container_port":8080,"hostname":"n.example","listener":8443}]}],"silent":[{"node":"vega","error":"no answer","services":["memos"]}]}""");
    }

    [Test]
    public async Task List()
    {
        var service = new ListedService { Name = "notes", Node = "orion", Tier = "worker", Generation = 3, SpecHash = "aa", Active = true, DeployedAt = "t", DeployedBy = "human/a", Components = 2, State = "placed", Pinned = "orion", Epoch = 1 };
        await Assert.That(Compact(JsonSerializer.Serialize(new ListDocument([service.ToDocument()], []), CliJson.Default.ListDocument))).IsEqualTo(
            """{"services":[{"name":"notes","node":"orion","tier":"worker","state":"placed","active":true,"generation":3,"components":2,"pinned":"orion","epoch":1,"deployed_at":"t","deployed_by":"human/a","spec_hash":"aa"}],"silent":[]}""");
    }

    [Test]
    public async Task Snapshots()
    {
        var snapshot = new Snapshot
        {
            Id = 7,
            ServiceName = "notes",
            Filename = "f.tar.zst",
            Node = "orion",
            Epoch = 1,
            CreatedAt = "t",
            Manual = true,
            Partial = true,
            SizeBytes = 10,
            FileSha256 = "aa",
            DataBytes = 20,
            Sha256 = "bb",
            Entries = 3,
            VerifiedAt = "v",
            DrilledAt = "d",
            Damage = "x",
            Skipped = { new SkippedEntry { Path = Google.Protobuf.ByteString.CopyFromUtf8("sock"), Rule = "is a socket" } },
            Databases = { new DatabaseCopy { Path = Google.Protobuf.ByteString.CopyFromUtf8("n.db"), Bytes = 4, Method = "backup", NotChecked = "c" } },
        };
        await Assert.That(Compact(JsonSerializer.Serialize(new SnapshotsDocument([snapshot.ToDocument()]), CliJson.Default.SnapshotsDocument))).IsEqualTo(
            """{"snapshots":[{"id":7,"service":"notes","file":"f.tar.zst","node":"orion","epoch":1,"created_at":"t","manual":true,"partial":true,"bytes":10,"file_sha256":"aa","data_bytes":20,"sha256":"bb","entries":3,"verified_at":"v","damage":"x","drilled_at":"d","skipped":[{"path":"sock","rule":"is a socket"}],"databases":[{"path":"n.db","bytes":4,"method":"backup","not_checked":"c"}]}]}""");
        var verdict = new VerdictDocument(7, "notes", "f.tar.zst", true, "", 3, 20, ["n.db"], ["o.db: c"]);
        await Assert.That(Compact(JsonSerializer.Serialize(new VerdictsDocument([verdict]), CliJson.Default.VerdictsDocument))).IsEqualTo(
            """{"verdicts":[{"id":7,"service":"notes","file":"f.tar.zst","good":true,"error":"","entries":3,"data_bytes":20,"databases":["n.db"],"not_checked":["o.db: c"]}]}""");
    }

    [Test]
    public async Task Plan()
    {
        var entry = new PlanEntry
        {
            Service = "notes",
            Action = "redeploy",
            Why = "w",
            Node = "orion",
            Interrupts = true,
            Core = true,
            State = "running",
            Generation = 3,
            Epoch = 1,
            SpecHash = "aa",
            DeployedHash = "bb",
            DeployedBy = "human/a",
            DeployedAt = "t",
            Refusal = new ErrorDetail { What = "r", Hint = "h" },
            Unseen = "u",
            Remark = "m",
            After = { "wiki" },
            Changes = { new FieldChange { Field = "f", Old = "o", New = "n" } },
        };
        var plan = new Plan { Id = "1f", Changes = 1, Removals = 2, CoreRemovals = 3, Unknown = 4, Refused = 5, Unseen = 6, Entries = { entry } };
        await Assert.That(Compact(JsonSerializer.Serialize(plan.ToDocument("home"), CliJson.Default.PlanDocument))).IsEqualTo(
            """{"id":"1f","fleet":"home","changes":1,"removals":2,"core_removals":3,"unknown":4,"refused":5,"unseen":6,"entries":[{"service":"notes","action":"redeploy","why":"w","node":"orion","interrupts":true,"core":true,"state":"running","generation":3,"epoch":1,"spec_hash":"aa","deployed_hash":"bb","deployed_by":"human/a","deployed_at":"t","refused":"r","hint":"h","unseen":"u","remark":"m","after":["wiki"],"changes":[{"field":"f","old":"o","new":"n"}]}]}""");
    }

    [Test]
    public async Task Status()
    {
        var service = new StatusService { Name = "notes", Node = "orion", Tier = "worker", Status = "running", Generation = 3, Epoch = 1, DeployedAt = "t", DeployedBy = "human/a", Detail = "d", LastSnapshot = "s", ProvenRestore = "p" };
        var finding = new Finding { Kind = "stale", Severity = "error", Node = "orion", Service = "notes", Message = "m", Command = "mcp start notes", Since = "t" };
        var node = new NodeSummary { Name = "orion", Role = "worker", Address = "192.0.2.7:9444", Arch = "x64", Status = "healthy", Containers = 1, LastHeartbeat = "t", Services = 1, Version = "0.1.0", Joined = true, CertificateExpires = "t", DiskFreeBytes = 1, MemoryBytes = 2, CpuMillicores = 3 };
        var document = new StatusDocument("home", "0.1.0", "t", [node.ToDocument()], [service.ToDocument()], [finding.ToDocument()]);
        await Assert.That(Compact(JsonSerializer.Serialize(document, CliJson.Default.StatusDocument))).IsEqualTo(
            """{"fleet":"home","version":"0.1.0","master_since":"t","nodes":[{"name":"orion","role":"worker","address":"192.0.2.7:9444","arch":"x64","status":"healthy","detail":"","cordoned":false,"joined":true,"containers":1,"services":1,"version":"0.1.0","last_heartbeat":"t","certificate_expires":"t","disk_free_bytes":1,"memory_bytes":2,"cpu_millicores":3,"observed_at":""}],"services":[{"name":"notes","node":"orion","tier":"worker","status":"running","detail":"d","generation":3,"epoch":1,"deployed_at":"t","deployed_by":"human/a","containers":[],"ports":[],"last_snapshot":"s","proven_restore":"p"}],"findings":[{"kind":"stale","severity":"error","node":"orion","service":"notes","message":"m","command":"mcp start notes","since":"t"}]}""");
    }

    [Test]
    public async Task Lines_of_a_stream_are_one_line_each_and_hold_no_control_character()
    {
        var e = new FleetEvent { Id = 7, At = "t", Node = "orion", Service = "notes", Component = "web", Kind = "exited", Severity = "warning", Message = "code\n1\e[0m", Principal = "human/a", Operation = "o" };
        var line = JsonSerializer.Serialize(e.ToDocument(), CliJsonLines.Default.EventDocument);
        await Assert.That(line).IsEqualTo(
            """{"id":7,"at":"t","severity":"warning","kind":"exited","node":"orion","service":"notes","component":"web","principal":"human/a","operation":"o","message":"code\n1\u001B[0m"}""");
        await Assert.That(JsonSerializer.Serialize(new LogLineDocument("web", "stdout", "t", "x"), CliJsonLines.Default.LogLineDocument)).IsEqualTo(
            """{"component":"web","stream":"stdout","at":"t","line":"x"}""");
        var step = new OperationEvent { Operation = "op", Sequence = 2, At = "t", Step = "pull", Message = "m", Done = 1, Total = 2, Unit = "bytes", Node = "orion", Result = new StepResult { Step = "pull", Success = true, Millis = 5 } };
        await Assert.That(JsonSerializer.Serialize(step.ToDocument(), CliJsonLines.Default.OperationEventDocument)).IsEqualTo(
            """{"operation":"op","sequence":2,"at":"t","step":"pull","message":"m","done":1,"total":2,"unit":"bytes","node":"orion","result":{"step":"pull","success":true,"skipped":false,"error":"","millis":5},"outcome":null}""");
    }

    [Test]
    public async Task The_rest_keeps_its_names()
    {
        var history = new HistoryDocument("notes", 3, [new GenerationRecord { Generation = 3, At = "t", Principal = "human/a", Node = "orion", SpecHash = "aa", Operation = "op", Images = { new ComponentImage { Component = "web", Reference = "r", Digest = "d" } } }.ToDocument()]);
        await Assert.That(Compact(JsonSerializer.Serialize(history, CliJson.Default.HistoryDocument))).IsEqualTo(
            """{"service":"notes","current":3,"generations":[{"generation":3,"at":"t","by":"human/a","node":"orion","spec_hash":"aa","operation":"op","images":[{"component":"web","reference":"r","digest":"d"}]}]}""");
        var data = new DataDocument([new DataRecord { Service = "notes", Node = "orion", State = "current", Epoch = 1, VolumeId = "v", Bytes = 9, Path = "/srv/notes", Updated = "t" }.ToDocument()], []);
        await Assert.That(Compact(JsonSerializer.Serialize(data, CliJson.Default.DataDocument))).IsEqualTo(
            """{"records":[{"service":"notes","node":"orion","state":"current","epoch":1,"volume_id":"v","bytes":9,"path":"/srv/notes","updated":"t"}],"silent":[]}""");
        var operators = new OperatorsDocument([new OperatorDocument("alice", "admin", [], "active", "t", "t")]);
        await Assert.That(Compact(JsonSerializer.Serialize(operators, CliJson.Default.OperatorsDocument))).IsEqualTo(
            """{"operators":[{"name":"alice","role":"admin","services":[],"state":"active","last_seen":"t","certificate_expires":"t"}]}""");
        var routes = new RoutesDocument([new RouteDocument("notes", "web", "orion", "public", "n.example", 8443, "l7", true, "127.0.0.1", 10000, "not served")]);
        await Assert.That(Compact(JsonSerializer.Serialize(routes, CliJson.Default.RoutesDocument))).IsEqualTo(
            """{"routes":[{"service":"notes","component":"web","node":"orion","name":"public","hostname":"n.example","listener":8443,"mode":"l7","public":true,"host_ip":"127.0.0.1","host_port":10000,"state":"not served"}]}""");
        var service = new ServiceDocument("notes", "orion", "placed", 3, 1, "aa", [], "name");
        await Assert.That(Compact(JsonSerializer.Serialize(service, CliJson.Default.ServiceDocument))).IsEqualTo(
            """{"name":"notes","node":"orion","state":"placed","generation":3,"epoch":1,"spec_hash":"aa","images":[],"definition":"name"}""");
        var certificate = new CertificateDocument("s", "identity", "orion", "embedded", "1", "t", "t");
        await Assert.That(Compact(JsonSerializer.Serialize(new AuthoritiesDocument([new AuthorityDocument("r", "aa", "t", "t")], certificate), CliJson.Default.AuthoritiesDocument))).IsEqualTo(
            """{"roots":[{"subject":"r","sha256":"aa","not_before":"t","not_after":"t"}],"identity":{"subject":"s","kind":"identity","node":"orion","source":"embedded","serial":"1","not_before":"t","not_after":"t"}}""");
    }

    private static string Compact(string json)
    {
        using var document = JsonDocument.Parse(json);
        return JsonSerializer.Serialize(document.RootElement, JsonElementContext.Default.JsonElement);
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(JsonElement))]
internal sealed partial class JsonElementContext : System.Text.Json.Serialization.JsonSerializerContext;
