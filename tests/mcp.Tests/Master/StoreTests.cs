using Mcp.Errors;
using Mcp.Master;
using Mcp.Master.Deployments;
using Mcp.Master.Registration;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Tests.Master;

public sealed class StoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Database _database;

    public StoreTests() => _database = MasterDatabase.Open(_folder["master.db"], TimeProvider.System);

    [Test]
    public async Task The_last_ten_generations_are_kept()
    {
        _database.Write(c =>
        {
            for (ulong g = 1; g <= 13; g++)
                GenerationStore.Add(c, "notes", new GenerationRecord { Generation = g });
        });
        var kept = _database.Read(c => GenerationStore.Of(c, "notes"));
        await Assert.That(kept.Select(g => g.Generation)).IsEquivalentTo(new ulong[] { 13, 12, 11, 10, 9, 8, 7, 6, 5, 4 });
    }

    [Test]
    public async Task A_new_current_record_puts_the_one_before_aside()
    {
        _database.Write(c =>
        {
            DataRecordStore.Put(c, Data("orion", "a", 1));
            DataRecordStore.Put(c, Data("vega", "b", 2));
        });
        var records = _database.Read(c => DataRecordStore.All(c, "notes"));
        await Assert.That(records.Select(r => (r.Node, r.State))).IsEquivalentTo(new[] { ("vega", "current"), ("orion", "aside") });
        await Assert.That(_database.Read(c => DataRecordStore.HighestEpoch(c, "notes"))).IsEqualTo(2UL);
    }

    [Test]
    public async Task A_placement_survives_the_database_whole()
    {
        var spec = MasterBench.Spec("notes", s => s.Components[0].Routes.Add(new RouteSpec { Name = "web", Port = 8443, Mode = "l7", Public = true, Hostname = "notes.example.org" }));
        var row = new PlacementRow
        {
            Service = "notes",
            Node = "orion",
            Pending = false,
            Spec = spec,
            SpecHash = "abc",
            Images = [new ComponentImage { Component = "notes", Reference = "x:v1", Digest = "sha256:1" }],
            Ports = [new HostPort { Route = "web", HostPort_ = 10001 }],
            Generation = 3,
            Epoch = 2,
            VolumeId = "v",
            Principal = "human/alice",
            At = "2026-04-01T00:00:00Z",
            Operation = "operation-1",
        };
        _database.Write(c =>
        {
            NodeStore.Add(c, "orion", "worker", "", "2026-04-01T00:00:00Z", "human/alice");
            PlacementStore.Put(c, row, new Dictionary<string, string> { ["notes"] = "hash" });
        });
        var read = _database.Read(c => PlacementStore.Find(c, "notes"))!;
        await Assert.That(read.Spec).IsEqualTo(spec);
        await Assert.That(read.Images.Single().Digest).IsEqualTo("sha256:1");
        await Assert.That(read.Ports.Single().HostPort_).IsEqualTo(10001u);
        await Assert.That(read with { Spec = row.Spec, Images = row.Images, Ports = row.Ports }).IsEqualTo(row);
    }

    [Test]
    public async Task A_node_with_a_placement_cannot_vanish_from_under_it()
    {
        _database.Write(c =>
        {
            NodeStore.Add(c, "orion", "worker", "", "t", "human/alice");
            PlacementStore.Put(c, Row("notes", "orion"), new Dictionary<string, string>());
        });
        await Assert.That(() => _database.Write(c => NodeStore.Remove(c, "orion"))).Throws<McpException>();
    }

    [Test]
    public async Task The_journal_gives_back_what_it_was_told()
    {
        var fault = new McpException(FaultCode.FailedPrecondition, "image x was not found") { Node = "orion", Step = "pull", Hint = "push it" };
        _database.Write(c =>
        {
            OperationStore.Begin(c, new OperationRow { Id = "operation-1", Kind = "deploy", Service = "notes", Node = "", Principal = "human/alice", RequestKey = "k", Request = [1], State = "running", Started = "t1" });
            OperationStore.Calling(c, "operation-1", "orion", "deploy");
        });
        var open = _database.Read(OperationStore.Open).Single();
        await Assert.That((open.Node, open.Called, open.Step)).IsEqualTo(("orion", true, "deploy"));
        _database.Write(c => OperationStore.Fail(c, "operation-1", fault, putBack: true, [new StepResult { Step = "deploy", Error = "image x was not found" }], "t2"));
        var ended = _database.Read(c => OperationStore.Find(c, "operation-1"))!;
        await Assert.That((ended.State, ended.ErrorCode, ended.Error!.Hint)).IsEqualTo(("put-back", FaultCode.FailedPrecondition, "push it"));
        await Assert.That(_database.Read(OperationStore.Open)).IsEmpty();
    }

    public void Dispose()
    {
        _database.Dispose();
        _folder.Dispose();
    }

    private static DataRecord Data(string node, string volume, ulong epoch) => new() { Service = "notes", Node = node, VolumeId = volume, Epoch = epoch, State = "current", Updated = "t" };

    private static PlacementRow Row(string service, string node) => new()
    {
        Service = service,
        Node = node,
        Pending = true,
        Spec = MasterBench.Spec(service),
        SpecHash = "h",
        Images = [],
        Ports = [],
        Generation = 0,
        Epoch = 1,
        VolumeId = "v",
        Principal = "human/alice",
        At = "t",
        Operation = "operation-1",
    };
}
