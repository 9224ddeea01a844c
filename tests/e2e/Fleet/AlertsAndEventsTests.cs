using System.Text.Json;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>
/// One fleet of two processes, as an operator sees it: an alert command that is told what begins and ends, and events that arrive once each although
/// master and agent are killed and stopped in between.
/// </summary>
internal sealed class AlertsAndEventsTests
{
    [Test]
    public async Task What_happens_is_alerted_and_told_once_whoever_is_away()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("noted");
        var alerts = Path.Combine(fleet.DataRoot, "alerts");
        // Noisy and slow, as scripts are; it also tells what it was given beside the document.
        await ConfigureAsync(fleet, $$"""

            [monitor]
            interval = "2s"
            cooldown = "2s"
            alert_command = ["/bin/sh", "-c", "cat >> {{alerts}}; env > {{alerts}}.env; ls -l /proc/self/fd > {{alerts}}.fd; echo noise; sleep 0.2"]
            """);
        var definition = fleet.Define(service, $"""
            name = "{service}"
            [[components]]
            name = "{service}"
            image = "{TestPodman.BusyboxImage}"
            cmd = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"]
            """);
        (await fleet.RunAsync("deploy", service, "-f", definition)).OrThrow();

        using var follower = fleet.StartCommand("events", "-f", "--json", "--service", service);
        var followed = new List<string>();
        follower.OutputDataReceived += (_, line) =>
        {
            lock (followed)
            {
                if (line.Data is { } text)
                    followed.Add(text);
            }
        };
        follower.BeginOutputReadLine();
        follower.BeginErrorReadLine();
        try
        {
            // Its operations are not drift; what is done behind its back is.
            (await TestPodman.RunAsync(["stop", "-t", "0", service])).OrThrow();
            await AlertAsync(alerts, service, "container down", "opened");
            (await fleet.RunAsync("start", service)).OrThrow();
            await AlertAsync(alerts, service, "container down", "closed");

            // The master is away while it happens, and was stopped for a while before: nothing is lost, nothing twice.
            await fleet.Master.SignalAsync("STOP");
            (await TestPodman.RunAsync(["rm", "-f", "-t", "0", service])).OrThrow();
            await AlertAsync(alerts, service, "container missing", "opened");
            await fleet.Master.KillAsync();
            (await fleet.RunAsync("start", service, "--direct", "--socket", Path.GetFullPath(Path.Combine(fleet.DataRoot, "../run/agent.sock")))).OrThrow();
            await AlertAsync(alerts, service, "container missing", "closed");
            fleet.Master.Start();
            await fleet.UntilHealthyAsync();
            await KindsAsync(fleet, service, "container-missing-over");

            // The agent is killed while something is wrong: its end is told by the next one.
            (await TestPodman.RunAsync(["pause", service])).OrThrow();
            await AlertAsync(alerts, service, "container paused", "opened");
            await fleet.Agent.KillAsync();
            (await TestPodman.RunAsync(["unpause", service])).OrThrow();
            fleet.Agent.Start();
            await AlertAsync(alerts, service, "container paused", "closed");
            await KindsAsync(fleet, service, "container-paused-over");

            var kinds = await KindsAsync(fleet, service, "container-paused-over");
            string[] once = ["deployed", "container-down", "container-down-over", "container-missing", "container-missing-over", "container-paused", "container-paused-over"];
            foreach (var kind in once)
                await Assert.That(kinds.Count(k => k == kind)).IsEqualTo(1);
            await Assert.That(kinds).DoesNotContain("call");
            // The follower saw the same, through a master that was killed.
            await Wait.UntilAsync("the follower has the last one", () =>
            {
                lock (followed)
                    return Task.FromResult(followed.Count >= kinds.Length);
            });
            lock (followed)
                kinds = [.. followed.Select(KindOf)];
            foreach (var kind in once)
                await Assert.That(kinds.Count(k => k == kind)).IsEqualTo(1);

            // What systemd or a shell gave to the agent, its listeners and its database, is not the command's.
            await Assert.That(await File.ReadAllTextAsync(alerts + ".env")).DoesNotContain("NOTIFY_SOCKET");
            await Assert.That(await File.ReadAllTextAsync(alerts + ".fd")).DoesNotContain("socket:").And.DoesNotContain("mcp.db");
            var audit = (await fleet.RunAsync("events", "--audit", "--json", "-n", "0")).OrThrow();
            await Assert.That(audit.Output).Contains("McpMasterService/Deploy");
        }
        finally
        {
            follower.Kill();
            await follower.WaitForExitAsync();
        }
    }

    private static async Task ConfigureAsync(SplitFleet fleet, string more)
    {
        await fleet.Agent.TerminateAsync();
        await File.AppendAllTextAsync(Path.Combine(fleet.AgentHome, "mcp-agent.toml"), more);
        fleet.Agent.Start();
        await fleet.UntilHealthyAsync();
    }

    private static Task AlertAsync(string file, string service, string kind, string state) => Wait.UntilAsync(
        $"the alert {kind} {state}",
        async () => File.Exists(file) && (await File.ReadAllLinesAsync(file)).Count(line => Is(line, service, kind, state)) == 1,
        TimeSpan.FromMinutes(1),
        async () => File.Exists(file) ? await File.ReadAllTextAsync(file) : "no alert");

    private static bool Is(string line, string service, string kind, string state)
    {
        using var document = JsonDocument.Parse(line);
        string Text(string name) => document.RootElement.GetProperty(name).GetString()!;
        return Text("service") == service && Text("kind") == kind && Text("state") == state && Text("node") == SplitFleet.Node && Text("fleet") == "e2e.test";
    }

    private static async Task<string[]> KindsAsync(SplitFleet fleet, string service, string last)
    {
        string[] kinds = [];
        await Wait.UntilAsync($"the event {last}", async () =>
        {
            var events = await fleet.RunAsync("events", "--json", "-n", "0", "--service", service);
            kinds = [.. events.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(KindOf)];
            return kinds.Contains(last);
        }, TimeSpan.FromMinutes(1), () => Task.FromResult(string.Join(", ", kinds)));
        return kinds;
    }

    private static string KindOf(string line)
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.GetProperty("kind").GetString()!;
    }
}
