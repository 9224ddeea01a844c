using System.Net;
using System.Net.Sockets;
using Mcp.EndToEnd.Harness;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Simulation;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.EndToEnd.Crashes;

/// <summary>A master whose disk takes 50 ms for every flush, or whose processors have other work: heartbeats are recorded, and no node looks dead.</summary>
public class SlowMasterTests
{
    private const int Nodes = 60;

    [Test]
    public async Task Heartbeats_share_the_flushes_of_a_slow_disk_and_survive_busy_processors()
    {
        using var folder = new TemporaryFolder();
        var (address, agentPort) = ($"127.0.0.1:{FreePort()}", FreePort());
        var seed = SeededFleet.Create(folder.PathOf("m"), address, Nodes, Nodes, agentPort);
        var file = folder.PathOf("m/mcp-master.toml");
        await File.AppendAllTextAsync(file, $"\n[registration]\nmax_nodes = {Nodes}\n");
        await using var agents = await SimulatedAgents.StartAsync(seed, agentPort, address, CancellationToken.None);
        await using var master = new RoleProcess(["master", "run", "--config", file], new Dictionary<string, string?>());
        master.Start();
        using var channel = PeerChannel.Open([address], Principal.TheMaster, seed.Admin, seed.Trust, SeededFleet.Domain, TimeProvider.System);
        var admin = new McpMasterService.McpMasterServiceClient(channel);
        var addresses = new Dictionary<string, string>();
        await Wait.UntilAsync("the master answers", async () =>
        {
            try
            {
                addresses = (await admin.ListNodesAsync(new ListNodesRequest())).Nodes.ToDictionary(n => n.Name, n => n.Address);
                return true;
            }
            catch (McpException)
            {
                return false;
            }
        }, otherwise: () => Task.FromResult(master.Printed));
        await Task.WhenAll(seed.Nodes.Select(n => agents.ClientOf(n).RegisterAsync(agents.Registration(n, addresses[n]), SimulatedAgents.Operation()).ResponseAsync));
        await UntilHealthyAsync(admin);

        // The disk: all call at once, and every flush of the master takes 50 ms.
        var flushes = folder.PathOf("flushes");
        using (var strace = Shell.Start("strace", ["-f", "-qq", "-o", flushes, "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:delay_enter=50ms", "-p", $"{master.ProcessId}"]))
        {
            await Wait.UntilAsync("strace has attached", () => Task.FromResult(File.ReadAllText($"/proc/{master.ProcessId}/status").Contains($"TracerPid:\t{strace.Id}\n", StringComparison.Ordinal)));
            await BeatAllAsync(seed, agents);
            strace.Kill();
            await strace.WaitForExitAsync();
        }
        var counted = File.ReadLines(flushes).Count(l => l.Contains("sync(", StringComparison.Ordinal));
        await Assert.That(counted).IsGreaterThan(0);
        await Assert.That(counted).IsLessThan(Nodes / 2);
        await UntilHealthyAsync(admin);

        // The processors: more work than there is room for, until everybody's next heartbeat was answered.
        var busy = Enumerable.Range(0, Environment.ProcessorCount * 2).Select(_ => Shell.Start("sh", ["-c", "while :; do :; done"])).ToList();
        try
        {
            // One heartbeat in ten seconds is an agent's due.
            await Task.Delay(TimeSpan.FromSeconds(11));
            await BeatAllAsync(seed, agents);
            await Assert.That((await admin.StatusAsync(new StatusRequest())).Services.Count(s => s.Status == "running")).IsEqualTo(Nodes);
        }
        finally
        {
            foreach (var process in busy)
            {
                process.Kill();
                process.Dispose();
            }
        }
        var events = await EventsAsync(admin);
        await Assert.That(events.Where(e => e.Kind == "node-unhealthy")).IsEmpty().Because(string.Join("; ", events.Select(e => e.Message)));
    }

    private static Task<HeartbeatResponse[]> BeatAllAsync(SeededFleet seed, SimulatedAgents agents) =>
        Task.WhenAll(seed.Nodes.Select(n => agents.ClientOf(n).HeartbeatAsync(agents.Heartbeat(n), SimulatedAgents.Operation()).ResponseAsync));

    private static Task UntilHealthyAsync(McpMasterService.McpMasterServiceClient admin) => Wait.UntilAsync(
        "all nodes are healthy", async () => (await admin.ListNodesAsync(new ListNodesRequest())).Nodes.All(n => n.Status == "healthy"));

    private static async Task<List<FleetEvent>> EventsAsync(McpMasterService.McpMasterServiceClient admin)
    {
        var events = new List<FleetEvent>();
        using var call = admin.Events(new EventsRequest { Tail = 1000 });
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
            events.Add(call.ResponseStream.Current);
        return events;
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
