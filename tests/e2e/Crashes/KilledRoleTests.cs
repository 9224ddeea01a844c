using System.Diagnostics;
using System.Text.RegularExpressions;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>
/// SIGKILL at moments spread over a whole deploy, then a start, then the same deploy again: it converges, nothing is doubled, the port is
/// the same. The moments are drawn from the measured length of an undisturbed deploy by a fixed seed, so a failure names its moment.
/// </summary>
public partial class KilledRoleTests
{
    private const int Moments = 6;

    [Test]
    public async Task A_killed_agent_converges_wherever_it_was()
    {
        await using var fleet = await SplitFleet.StartAsync();
        await SweepAsync(fleet, fleet.Agent);
    }

    [Test]
    public async Task A_killed_master_converges_wherever_it_was()
    {
        await using var fleet = await SplitFleet.StartAsync();
        await SweepAsync(fleet, fleet.Master);
    }

    private static async Task SweepAsync(SplitFleet fleet, RoleProcess victim)
    {
        var service = fleet.Unique("notes");
        (await fleet.RunAsync("deploy", service, "-f", Definition(fleet, service, 0))).OrThrow();
        var port = await PortAsync(service);
        var clock = Stopwatch.StartNew();
        (await fleet.RunAsync("deploy", service, "-f", Definition(fleet, service, 1))).OrThrow();
        var whole = clock.Elapsed;
        var random = new Random(20261123);
        for (var i = 0; i < Moments; i++)
        {
            // One moment in each equal part of the deploy, so that early and late ones are both met.
            var moment = whole * ((i + random.NextDouble()) / Moments);
            var because = $"killed after {moment.TotalMilliseconds:0} of {whole.TotalMilliseconds:0} ms (moment {i})";
            var file = Definition(fleet, service, i + 2);
            var deploy = fleet.RunAsync("deploy", service, "-f", file);
            await Task.Delay(moment);
            await victim.KillAsync();
            victim.Start();
            var interrupted = await deploy;
            await fleet.UntilHealthyAsync();

            var again = await fleet.RunAsync("deploy", service, "-f", file, "--overwrite");
            await Assert.That(again.ExitCode).IsEqualTo(0).Because($"{because}: {again}\nthe interrupted one: {interrupted}\n{victim.Printed}");
            await Assert.That(string.Join('\n', await SplitFleet.ContainersAsync(service))).IsEqualTo($"{service} running").Because(because);
            await Assert.That(await PortAsync(service)).IsEqualTo(port).Because(because);
            await Assert.That((await TestPodman.RunAsync(["exec", service, "sh", "-c", "echo $ROUND"])).Output.Trim()).IsEqualTo($"{i + 2}").Because(because);
            var status = (await fleet.RunAsync("status", "--json")).OrThrow();
            await Assert.That(status.Output).DoesNotContain("\"orphan\"").Because(because);
        }
        foreach (var database in new[] { fleet.AgentDatabase, fleet.MasterDatabase })
        {
            var open = await SqliteFile.ReadAsync(database, "SELECT count(*) FROM operations WHERE state = 'running'; PRAGMA integrity_check");
            await Assert.That(open).IsEqualTo("0\nok");
        }
    }

    private static string Definition(SplitFleet fleet, string service, int round) => fleet.Define(service, $$"""
        name = "{{service}}"

        [[components]]
        name    = "{{service}}"
        image   = "{{TestPodman.BusyboxImage}}"
        cmd     = ["sh", "-c", "httpd -f -p $PORT -h /tmp & trap 'exit 0' TERM; wait"]
        env     = ["ROUND={{round}}"]
        volumes = ["/srv/{{service}}/data:/data"]

        [components.health]
        type     = "tcp"
        interval = "200ms"
        timeout  = "20s"

        [[components.routes]]
        name = "web"
        port = 8443
        mode = "l4"
        """);

    private static async Task<string> PortAsync(string service)
    {
        var shown = (await TestPodman.RunAsync(["port", service])).OrThrow().Output;
        return PublishedPort().Match(shown).Groups[1].Value;
    }

    [GeneratedRegex(@"127\.0\.0\.1:(\d+)")]
    private static partial Regex PublishedPort();
}
