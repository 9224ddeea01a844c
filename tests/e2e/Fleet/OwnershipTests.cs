using System.Net;
using System.Net.Sockets;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>What real processes do when the fleet went on without them: a node whose data has moved, and a master whose time is over.</summary>
public class OwnershipTests
{
    [Test]
    public async Task A_node_that_returns_with_an_older_copy_is_fenced_and_an_old_master_ends()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("notes");
        (await fleet.RunAsync("deploy", service, "-f", Definition(fleet, service))).OrThrow();

        // The node is cut off: its containers run on, and the data moves to another node meanwhile.
        await fleet.Agent.KillAsync();
        await fleet.Master.KillAsync();
        await SqliteFile.WriteAsync(fleet.MasterDatabase,
            "INSERT INTO nodes(name, role, added_at, added_by) VALUES('bee', 'worker', '2026-04-01T00:00:00Z', 'test');" +
            $"UPDATE data_records SET node = 'bee', epoch = 5, volume_id = 'moved' WHERE service = '{service}'");
        await Assert.That(string.Join('\n', await SplitFleet.ContainersAsync(service))).IsEqualTo($"{service} running");
        fleet.Master.Start();
        fleet.Agent.Start();
        await Wait.UntilAsync("the older copy is stopped", () => HasExitedAsync(service),
            TimeSpan.FromMinutes(1), () => Task.FromResult(fleet.Agent.Printed));
        await fleet.UntilHealthyAsync();
        var status = await fleet.RunAsync("status", "--check");
        await Assert.That(status.ExitCode).IsEqualTo(3);
        await Assert.That(status.Errors).Contains("superseded").And.Contains($"mcp data purge {service} --on {SplitFleet.Node}");

        // Killed in the middle of it, or started by somebody else: the next start stops it again, without asking anybody.
        await fleet.Agent.KillAsync();
        await fleet.Master.KillAsync();
        (await TestPodman.RunAsync(["start", service])).OrThrow();
        fleet.Agent.Start();
        await Wait.UntilAsync("it is stopped without the master", () => HasExitedAsync(service),
            TimeSpan.FromMinutes(1), () => Task.FromResult(fleet.Agent.Printed));

        // The fleet was restored on another master, which this node has obeyed; then the old one is started.
        await fleet.Agent.KillAsync();
        await SqliteFile.WriteAsync(fleet.AgentDatabase, "UPDATE state SET value = '2' WHERE key = 'term'");
        fleet.Agent.Start();
        await Wait.UntilAsync("the agent listens", () => ListensAsync(fleet.AgentAddress));
        fleet.Master.Start();
        await Assert.That(await fleet.Master.EndedAsync()).IsEqualTo(4);
        await Assert.That(fleet.Master.Printed).Contains("obey term 2").And.Contains("systemctl disable --now mcp-master");
    }

    private static async Task<bool> HasExitedAsync(string service) => (await SplitFleet.ContainersAsync(service)).Any(c => c.Contains("Exited", StringComparison.Ordinal));

    private static async Task<bool> ListensAsync(string address)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(IPEndPoint.Parse(address));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static string Definition(SplitFleet fleet, string service) => fleet.Define(service, $$"""
        name = "{{service}}"

        [[components]]
        name    = "{{service}}"
        image   = "{{TestPodman.BusyboxImage}}"
        cmd     = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]
        volumes = ["/srv/{{service}}/data:/data"]
        """);
}
