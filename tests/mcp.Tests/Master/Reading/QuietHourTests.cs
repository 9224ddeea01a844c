namespace Mcp.Tests.Master.Reading;

/// <summary>
/// An hour of a fleet, simulated by the second: heartbeats jitter, come late or are lost below the threshold, looks time out, lines break and
/// come back, containers restart, operations are at work. Nothing of it is a finding; what is real opens once and closes once.
/// </summary>
public class QuietHourTests
{
    [Test]
    [Arguments(1)]
    [Arguments(2)]
    [Arguments(3)]
    public async Task Nothing_opens_in_an_hour_of_jitter(int seed)
    {
        using var fleet = Fleet();
        await RunAsync(fleet, seed, _ => { });
        await Assert.That(fleet.Events).IsEmpty();
        await Assert.That(fleet.Alerts).IsEmpty();
    }

    [Test]
    [Arguments(4)]
    [Arguments(5)]
    [Arguments(6)]
    public async Task What_is_real_opens_once_and_closes_once(int seed)
    {
        using var fleet = Fleet();
        await RunAsync(fleet, seed, second =>
        {
            var (vega, orion, lyra) = (fleet.Nodes["vega"], fleet.Nodes["orion"], fleet.Nodes["lyra"]);
            switch (second)
            {
                case 600:
                    vega.IsDown = true;
                    break;
                case 608:
                    vega.Line.TrySetResult();
                    break;
                case 840:
                    vega.IsDown = false;
                    break;
                case 1200:
                    orion.Containers["notes"] = "exited";
                    break;
                case 1560:
                    orion.Containers["notes"] = "running";
                    break;
                case 1800:
                    lyra.Containers["stray"] = "running";
                    break;
                case 2100:
                    lyra.Containers.Remove("stray");
                    break;
                case 2400:
                    lyra.Skew = TimeSpan.FromSeconds(45);
                    break;
                case 2700:
                    lyra.Skew = TimeSpan.Zero;
                    break;
                case 3000:
                    lyra.Containers["wiki"] = "drift";
                    break;
                case 3200:
                    // The drift is open; the master that comes back has heard of it.
                    fleet.StartMaster();
                    break;
                case 3350:
                    lyra.Containers["wiki"] = "running";
                    break;
            }
        });
        string[] expected =
        [
            "+node unhealthy vega", "-node unhealthy vega", "+stale orion notes", "-stale orion notes", "+orphan lyra stray", "-orphan lyra stray",
            "+clock skew lyra", "-clock skew lyra", "+drift lyra wiki", "-drift lyra wiki",
        ];
        await Assert.That(string.Join('\n', fleet.Events)).IsEqualTo(string.Join('\n', expected));
        await Assert.That(string.Join('\n', fleet.Alerts)).IsEqualTo(string.Join('\n', expected));
    }

    [Test]
    public async Task A_link_that_goes_up_and_down_is_one_finding_and_a_crash_loop_at_most_one()
    {
        using var fleet = Fleet();
        await RunAsync(fleet, 7, second =>
        {
            if (second is > 600 and < 900)
            {
                var vega = fleet.Nodes["vega"];
                vega.IsDown = second % 2 == 0;
                vega.Line.TrySetResult();
            }
            if (second is > 1800 and < 2400)
                fleet.Nodes["orion"].Containers["notes"] = second % 14 < 7 ? "running" : "exited";
        });
        await Assert.That(fleet.Events.Count(e => e == "+node unhealthy vega")).IsLessThanOrEqualTo(1);
        await Assert.That(fleet.Events.Count(e => e == "+stale orion notes")).IsLessThanOrEqualTo(1);
        await Assert.That(fleet.Events.Count(e => e[0] == '+')).IsEqualTo(fleet.Events.Count(e => e[0] == '-'));
        await Assert.That(fleet.Events.Count(e => e.Contains("stale vega", StringComparison.Ordinal))).IsEqualTo(0);
    }

    private static SimulatedFleet Fleet()
    {
        var fleet = new SimulatedFleet("orion", "vega", "lyra");
        foreach (var (service, node) in new[] { ("notes", "orion"), ("mail", "orion"), ("blog", "vega"), ("shop", "vega"), ("wiki", "lyra"), ("files", "lyra") })
            fleet.Place(service, node);
        return fleet;
    }

    private static async Task RunAsync(SimulatedFleet fleet, int seed, Action<int> script)
    {
        var random = new Random(seed);
        var jittered = new[] { ("mail", "orion"), ("blog", "vega"), ("files", "lyra"), ("shop", "vega") };
        var looks = 0;
        // A container restarts for a moment; the master deploys; somebody deploys at the node. The value is the second at which it is over.
        var (restart, deploy, direct) = (0, 0, 0);
        for (var second = 1; second <= 3600; second++)
        {
            script(second);
            // At every third look something is between two of its lives, which only the next look can tell from being dead.
            if (fleet.IsAboutToLook && looks++ % 3 == 0 && restart == 0)
            {
                restart = second + random.Next(1, 4);
                var (service, node) = jittered[looks % 2];
                fleet.Nodes[node].Containers[service] = "exited";
            }
            if (restart == second)
            {
                restart = 0;
                foreach (var (service, node) in jittered[..2])
                    fleet.Nodes[node].Containers[service] = "running";
            }
            if (second % 300 == 100)
            {
                deploy = second + 90;
                fleet.Begin($"deploy-{second}", "files", "lyra");
                fleet.Nodes["lyra"].Containers["files"] = "missing";
            }
            if (deploy == second)
            {
                fleet.Nodes["lyra"].Containers["files"] = "running";
                fleet.End($"deploy-{second - 90}");
            }
            if (second % 400 == 50)
            {
                direct = second + 100;
                fleet.Nodes["vega"].Busy.Add("shop");
                fleet.Nodes["vega"].Containers["shop"] = "exited";
            }
            if (direct == second)
            {
                fleet.Nodes["vega"].Containers["shop"] = "running";
                fleet.Nodes["vega"].Busy.Clear();
            }
            foreach (var node in fleet.Nodes.Values)
            {
                node.IsSlow = random.Next(20) == 0;
                if (random.Next(400) == 0)
                    node.Line.TrySetResult();
            }
            await fleet.SecondAsync(random);
        }
    }
}
