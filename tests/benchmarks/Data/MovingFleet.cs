using Google.Protobuf.Collections;
using Grpc.Core;
using Mcp.EndToEnd.Harness;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Benchmarks.Data;

/// <summary>What a move through the product took, and where.</summary>
/// <param name="Cost">Everything, from the call to its answer.</param>
/// <param name="Copy">Seconds in which the data moved: with stopping, starting and waiting for health left out.</param>
/// <param name="Checking">Seconds of it in which nothing but checking was done: the archive before a restore, databases and durability at the target.</param>
internal sealed record Move(Cost Cost, double Copy, double Checking);

/// <summary>A master and two agents of the published file with real containers, asked through the master's own socket.</summary>
internal sealed class MovingFleet : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    private readonly PairFleet _fleet;
    private readonly UnixChannel _channel;
    private readonly McpMasterService.McpMasterServiceClient _master;
    private readonly string _device;

    private MovingFleet(PairFleet fleet, string device)
    {
        (_fleet, _device, _channel) = (fleet, device, UnixChannel.Open(fleet.MasterSocket));
        _master = new McpMasterService.McpMasterServiceClient(_channel);
    }

    /// <summary>Starts one.</summary>
    /// <param name="link">Between bee and the others; null: loopback.</param>
    public static async Task<MovingFleet> StartAsync(DelayedLink? link)
    {
        var setting = new PairSetting
        {
            BeeDiskMiB = null,
            // Nothing of its own accord while others are measured.
            MasterSettings = "\n[snapshots]\ninterval = \"0s\"\ndrill = \"0s\"\n",
            Host = link is null ? "127.0.0.1" : DelayedLink.Near,
            BeeHost = link is null ? "127.0.0.1" : DelayedLink.Far,
            BeeBefore = link?.Before ?? [],
        };
        return new MovingFleet(await PairFleet.StartAsync(TestPodman.BusyboxImage, setting), link is null ? "lo" : DelayedLink.Device);
    }

    private Dictionary<int, string> Roles => new()
    {
        [_fleet.Master.ProcessId] = "master",
        [_fleet.Agent(PairFleet.Ant).ProcessId] = "ant",
        [_fleet.Agent(PairFleet.Bee).ProcessId] = "bee",
    };

    /// <summary>Deploys a service on ant, and gives it the data.</summary>
    public async Task GiveAsync(Corpus corpus)
    {
        Directory.CreateDirectory(_fleet.Definitions);
        await File.WriteAllTextAsync(Path.Combine(_fleet.Definitions, $"{corpus.Name}.toml"), $"""
            name = "{corpus.Name}"
            node = "{PairFleet.Ant}"

            [[components]]
            name    = "{corpus.Name}"
            image   = "{TestPodman.BusyboxImage}"
            network = "host"
            cmd     = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1 & wait $!; done"]
            volumes = ["/srv/{corpus.Name}/data:/data"]

            [components.health]
            type     = "exec"
            cmd      = ["true"]
            interval = "200ms"
            timeout  = "10s"

            [snapshot]
            method = "full"
            """);
        (await _fleet.RunAsync("deploy", corpus.Name)).OrThrow();
        (await Shell.RunAsync("cp", ["-a", $"{corpus.Folder}/.", Path.Combine(_fleet.DataRoot(PairFleet.Ant), corpus.Name, "data")], limit: Limit)).OrThrow();
    }

    /// <summary>Migrates to bee.</summary>
    public async Task<Move> MigrateAsync(Corpus corpus)
    {
        var id = OperationId.New(TimeProvider.System).Value;
        RepeatedField<StepResult> steps = [];
        var cost = await Cost.OfAsync(Roles, _device, async () =>
        {
            var answer = await _master.MigrateAsync(new MigrateRequest { ServiceName = corpus.Name, TargetNode = PairFleet.Bee }, Options(id));
            steps = answer.Results.Single().Steps;
        });
        return new Move(cost, Seconds(steps, "export", "import"), await CheckingAsync($"{id}-import"));
    }

    /// <summary>Takes a snapshot of a service on bee.</summary>
    /// <returns>What it took, and bytes of the file.</returns>
    public async Task<(Cost Cost, long Stored)> SnapshotAsync(Corpus corpus)
    {
        var stored = 0L;
        var cost = await Cost.OfAsync(Roles, _device, async () =>
        {
            var answer = await _master.CreateSnapshotAsync(new CreateSnapshotRequest { ServiceName = corpus.Name }, Options(OperationId.New(TimeProvider.System).Value));
            stored = (long)answer.SizeBytes;
        });
        return (cost, stored);
    }

    /// <summary>Restores the snapshot that was taken last.</summary>
    public async Task<Move> RestoreAsync(Corpus corpus)
    {
        var id = OperationId.New(TimeProvider.System).Value;
        RepeatedField<StepResult> steps = [];
        var cost = await Cost.OfAsync(Roles, _device, async () =>
        {
            var answer = await _master.RestoreSnapshotAsync(new RestoreSnapshotRequest { ServiceName = corpus.Name }, Options(id));
            steps = answer.Steps;
        });
        return new Move(cost, Seconds(steps, "verify", "import"), Seconds(steps, "verify") + await CheckingAsync($"{id}-import"));
    }

    /// <summary>Removes the service and its data, wherever they are; the disk need not hold all of them at once.</summary>
    public async Task TakeAwayAsync(Corpus corpus)
    {
        (await _fleet.RunAsync("undeploy", corpus.Name, "--yes")).OrThrow();
        foreach (var node in new[] { PairFleet.Ant, PairFleet.Bee })
        {
            foreach (var folder in Directory.GetDirectories(Path.Combine(_fleet.DataRoot(node), ".mcp", "aside")))
                Directory.Delete(folder, recursive: true);
        }
        Directory.Delete(Path.Combine(_fleet.DataRoot(PairFleet.Bee), corpus.Name), recursive: true);
        var snapshots = Path.Combine(_fleet.MasterHome, "snapshots", corpus.Name);
        if (Directory.Exists(snapshots))
            Directory.Delete(snapshots, recursive: true);
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _fleet.DisposeAsync();
    }

    // What bee did with the stream, by its own journal: "verify" is from the trailer to the answer of the one that extracts.
    private async Task<double> CheckingAsync(string operation)
    {
        using var channel = UnixChannel.Open(_fleet.AgentSocket(PairFleet.Bee));
        var answer = await new McpAgentService.McpAgentServiceClient(channel).GetOperationAsync(new GetOperationRequest { Operation = operation });
        return Seconds(answer.Operation.Steps, "verify");
    }

    private static double Seconds(IEnumerable<StepResult> steps, params string[] names) => steps.Where(s => names.Contains(s.Step)).Sum(s => s.Millis) / 1000.0;

    private static CallOptions Options(string id) => new(new Metadata { { CallMetadata.Operation, id } }, DateTime.UtcNow + Limit);
}
