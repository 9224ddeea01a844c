using System.Net;
using System.Net.Sockets;
using Mcp.Errors;
using Mcp.Master.Identity;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Tests.Master;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Tests.Scale;

/// <summary>One peer asks for much more than it may; everybody else must not notice.</summary>
public class FloodTests
{
    private const int Nodes = 25;

    [Test]
    public async Task A_flood_of_heartbeats_from_one_identity_is_refused_while_all_others_are_served()
    {
        await using var fleet = await SmallFleet.StartAsync(Nodes, services: 0);
        await fleet.RegisterAllAsync();
        await fleet.UntilHealthyAsync();
        var (loud, others) = (fleet.Seed.Nodes.First(), fleet.Seed.Nodes.Skip(1).ToList());

        var flood = FloodAsync(() => fleet.BeatAsync(loud));
        await AllAreServedAsync(fleet, others);
        var answers = await flood;

        // One is its due; another becomes due for every ten seconds that the flood takes.
        await Assert.That(answers.Count(code => code is null)).IsLessThanOrEqualTo(answers.Length / 100);
        await Assert.That(answers.Count(code => code is FaultCode.ResourceExhausted)).IsGreaterThanOrEqualTo(answers.Length * 99 / 100);
        await fleet.Host.Parts.Writes.WriteAsync(_ => { });
        var rows = fleet.Host.Parts.Database.Read(c => AuditStore.Last(c, 10_000)).Count(r => r.Outcome == "ResourceExhausted");
        await Assert.That(rows).IsLessThanOrEqualTo(answers.Length / 100);
        await Assert.That((await fleet.NodesAsync()).Count(n => n.Status == "healthy")).IsEqualTo(Nodes);
    }

    [Test]
    public async Task A_node_beyond_the_fleets_limit_that_asks_for_its_place_a_thousand_times_a_second_gets_none_and_holds_up_nobody()
    {
        await using var fleet = await SmallFleet.StartAsync(Nodes, services: 0, maxNodes: Nodes - 1);
        var (loud, others) = (fleet.Seed.Nodes.First(), fleet.Seed.Nodes.Skip(1).ToList());
        var addresses = (await fleet.NodesAsync()).ToDictionary(n => n.Name, n => n.Address);
        await Assert.That((await Task.WhenAll(others.Select(n => fleet.RegisterAsync(n, addresses[n])))).Count(code => code is null)).IsEqualTo(Nodes - 1);

        var flood = FloodAsync(() => fleet.RegisterAsync(loud, addresses[loud]));
        await AllAreServedAsync(fleet, others);
        await Assert.That((await flood).All(code => code is FaultCode.ResourceExhausted)).IsTrue();
        var registered = fleet.Host.Parts.Database.Read(NodeStore.Observations).Values.Where(o => o.RegisteredAt is not null).Select(o => o.Node);
        await Assert.That(registered).IsEquivalentTo(others);
        // The few that its budget allows were looked at, and refused in the history; the others never came so far.
        await Assert.That(fleet.Host.Parts.Database.Read(c => EventStore.After(c, 0, new EventsRequest(), 10_000)).Count(e => e.Kind == "register-refused")).IsLessThanOrEqualTo(CallLimits.RegisterBurst + 1);
    }

    [Test]
    public async Task A_flood_of_strangers_from_the_address_of_the_nodes_is_refused_while_the_nodes_are_served()
    {
        await using var fleet = await SmallFleet.StartAsync(Nodes, services: 0);
        await fleet.RegisterAllAsync();
        var flood = FloodAsync(fleet.StrangerAsync);
        await AllAreServedAsync(fleet, [.. fleet.Seed.Nodes]);
        var answers = await flood;
        // The budget of a minute, and what is refilled while the flood lasts.
        await Assert.That(answers.Count(code => code is not FaultCode.ResourceExhausted)).IsLessThanOrEqualTo(answers.Length / 10);
    }

    [Test]
    public async Task The_fleets_limit_holds_when_all_register_at_once()
    {
        await using var fleet = await SmallFleet.StartAsync(Nodes, services: 0, maxNodes: 7);
        var answers = await fleet.RegisterAllAsync();
        await Assert.That(answers.Count(code => code is null)).IsEqualTo(7);
        await Assert.That(answers.Count(code => code is FaultCode.ResourceExhausted)).IsEqualTo(Nodes - 7);
        // Who has a place keeps it, and nobody else gets one.
        await Assert.That((await fleet.RegisterAllAsync()).Count(code => code is null)).IsEqualTo(7);
    }

    [Test]
    public async Task After_a_restart_of_the_master_everybody_comes_back_by_itself()
    {
        await using var fleet = await SmallFleet.StartAsync(Nodes, services: 50);
        await fleet.RegisterAllAsync();
        await fleet.UntilHealthyAsync();
        await fleet.RestartAsync();
        var addresses = (await fleet.NodesAsync()).ToDictionary(n => n.Name, n => n.Address);
        using var end = new CancellationTokenSource();
        var tries = new System.Collections.Concurrent.ConcurrentDictionary<string, int>();
        var lives = fleet.Seed.Nodes.Select(node => fleet.Agents.LiveAsync(node, addresses[node], n => tries[node] = n, () => false, end.Token)).ToList();
        await MasterBench.UntilAsync(() => Task.FromResult(tries.Count == Nodes), "all have registered");
        await fleet.UntilHealthyAsync();
        await end.CancelAsync();
        await Task.WhenAll(lives);
        await Assert.That(tries.Values.Max()).IsLessThanOrEqualTo(3);
    }

    [Test]
    public async Task Connections_that_say_nothing_or_half_a_word_hold_up_nobody()
    {
        await using var fleet = await SmallFleet.StartAsync(nodes: 5, services: 0);
        var peers = new List<Socket>();
        try
        {
            for (var i = 0; i < 200; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                peers.Add(socket);
                await socket.ConnectAsync(IPEndPoint.Parse(fleet.MasterAddress));
                // The head of a ClientHello whose rest never comes.
                if (i % 2 == 0)
                    await socket.SendAsync(new byte[] { 0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00 });
            }
            await Assert.That((await fleet.RegisterAllAsync()).Count(code => code is null)).IsEqualTo(5);
            await Assert.That((await Task.WhenAll(fleet.Seed.Nodes.Select(fleet.BeatAsync))).Count(code => code is null)).IsEqualTo(5);
        }
        finally
        {
            peers.ForEach(p => p.Dispose());
        }
    }

    /// <summary>A thousand a second for two seconds, or as many as this machine can send, whichever are fewer at a time.</summary>
    private static Task<FaultCode?[]> FloodAsync(Func<Task<FaultCode?>> call) => Task.Run(async () =>
    {
        var sent = new List<Task<FaultCode?>>();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (sent.Count < 2000 && await timer.WaitForNextTickAsync())
        {
            sent.AddRange(Enumerable.Range(0, 20).Select(_ => call()));
            if (sent.Count > 200)
                await sent[^200];
        }
        return await Task.WhenAll(sent);
    });

    private static async Task AllAreServedAsync(SmallFleet fleet, List<string> nodes)
    {
        var served = await Task.WhenAll(nodes.Select(async (node, i) =>
        {
            await Task.Delay(i * 50);
            return await fleet.BeatAsync(node);
        }));
        await Assert.That(served.Count(code => code is null)).IsEqualTo(nodes.Count);
    }
}
