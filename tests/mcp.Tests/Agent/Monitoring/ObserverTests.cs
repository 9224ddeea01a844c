using Mcp.Agent;
using Mcp.Agent.Deploying;
using Mcp.Agent.Monitoring;
using Mcp.Agent.Registry;
using Mcp.Podman;
using Mcp.Tests.Podman;
using Mcp.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Agent.Monitoring;

/// <summary>Looking at a whole node costs podman one call, however many services run there; a container's watcher is asked once a run.</summary>
internal sealed class ObserverTests : IAsyncDisposable
{
    private const int Services = 7;

    private readonly TemporaryFolder _folder = new();
    private readonly FakePodman _podman = new();
    private readonly PodmanClient _client;
    private readonly AgentParts _parts;
    private readonly Observer _observer;
    private readonly int _self = Environment.ProcessId;

    public ObserverTests()
    {
        _client = _podman.Client();
        _parts = new AgentParts(TestAgent.In(_folder, _podman), TimeProvider.System, NullLoggerFactory.Instance, _client);
        for (var i = 0; i < Services; i++)
            _parts.Database.Write(connection => ServiceStore.Commit(connection, Row(i)));
        _observer = new Observer(_parts);
        Listed(pid: _self, started: 1_000_000);
    }

    [Test]
    public async Task A_second_look_at_all_services_is_one_call()
    {
        var first = await LookAsync();
        await Assert.That(first.Select(c => c.State)).IsEquivalentTo(Enumerable.Repeat("running", Services));
        await Assert.That(first.All(c => c.ConmonAlive && !c.Drift)).IsTrue();
        await Assert.That(Asked).IsEqualTo((Lists: 1, Inspections: Services));

        var second = await LookAsync();
        await Assert.That(second.All(c => c.ConmonAlive)).IsTrue();
        await Assert.That(Asked).IsEqualTo((Lists: 2, Inspections: Services));
    }

    [Test]
    public async Task A_container_that_was_started_again_is_asked_for_its_new_watcher()
    {
        await LookAsync();
        Listed(pid: _self, started: 1_000_060);
        // The old watcher lives, the new one does not.
        _podman.On("GET", "containers/id3/json", 200, Inspected("id3", conmon: int.MaxValue));
        var after = await LookAsync();
        await Assert.That(after.Where(c => !c.ConmonAlive).Select(c => c.Id)).IsEquivalentTo(["id3"]);
        await Assert.That(Asked).IsEqualTo((Lists: 2, Inspections: 2 * Services));
    }

    [Test]
    public async Task What_is_not_in_the_list_is_missing_and_what_no_row_names_is_unmanaged()
    {
        _podman.On("GET", "containers/json", 200, $"[{Entry("id0", "s0", _self, 1)},{Entry("stray", "s0", _self, 1)}]");
        var seen = await LookAsync();
        await Assert.That(seen.Count(c => c.State == "missing")).IsEqualTo(Services - 1);
        var unmanaged = Observer.Unmanaged(_parts.Services.All(), await _observer.ListAsync(CancellationToken.None));
        await Assert.That(unmanaged.Select(c => c.Id)).IsEquivalentTo(["stray"]);
    }

    public async ValueTask DisposeAsync()
    {
        _parts.Dispose();
        _client.Dispose();
        await _podman.DisposeAsync();
        _folder.Dispose();
    }

    private (int Lists, int Inspections) Asked => (
        _podman.Requests.Count(r => r.Path.StartsWith("containers/json", StringComparison.Ordinal)),
        _podman.Requests.Count(r => r.Path.StartsWith("containers/id", StringComparison.Ordinal)));

    private async Task<IReadOnlyList<Mcp.V1.ContainerStatus>> LookAsync()
    {
        var listed = await _observer.ListAsync(CancellationToken.None);
        var seen = new List<Mcp.V1.ContainerStatus>();
        foreach (var service in _parts.Services.All())
            seen.AddRange(await _observer.ObserveAsync(service, listed, CancellationToken.None));
        return seen;
    }

    private void Listed(int pid, long started)
    {
        _podman.On("GET", "containers/json", 200, "[" + string.Join(',', Enumerable.Range(0, Services).Select(i => Entry($"id{i}", $"s{i}", pid, started))) + "]");
        for (var i = 0; i < Services; i++)
            _podman.On("GET", $"containers/id{i}/json", 200, Inspected($"id{i}", _self));
    }

    private static string Entry(string id, string service, int pid, long started) => $$$"""
        {"Id":"{{{id}}}","Names":["{{{service}}}"],"ImageID":"img","State":"running","Pid":{{{pid}}},"StartedAt":{{{started}}},"ExitCode":0,
         "Labels":{"{{{OwnLabels.Service}}}":"{{{service}}}","{{{OwnLabels.Component}}}":"{{{service}}}","{{{OwnLabels.Node}}}":"orion","{{{OwnLabels.SpecHash}}}":"hash"}}
        """;

    private string Inspected(string id, int conmon) => $$$"""
        {"Id":"{{{id}}}","Name":"{{{id}}}","Image":"img","State":{"Status":"running","Pid":{{{_self}}},"ConmonPid":{{{conmon}}}}}
        """;

    private static RegisteredServiceRow Row(int i) => new(
        $"s{i}", new ServiceSpec { Name = $"s{i}", Tier = "worker", Components = { new ComponentSpec { Name = $"s{i}", Image = "r" } } }, "hash", 1, true, "", $"op-{i}", "human/alice",
        "2026-01-01T00:00:00Z",
        [new RegisteredComponentRow($"s{i}", $"s{i}", $"s{i}", $"id{i}", "hash", "made", new ComponentImage { Component = $"s{i}", Reference = "r", Digest = "d", ImageId = "img" })]);
}
