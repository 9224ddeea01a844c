using Mcp.EndToEnd.Harness;
using Mcp.V1;

namespace Mcp.EndToEnd.Data;

/// <summary>Restore drills on a real agent and podman: the service is started from an archive beside the real one, and nothing of it stays.</summary>
internal sealed class DrillTests
{
    [Test]
    public async Task A_restore_is_started_from_the_archive_proven_and_thrown_away_whatever_becomes_of_it()
    {
        await using var fleet = await SplitFleet.StartAsync();
        using var master = new MastersVoice(fleet);
        var service = fleet.Unique("drilled");
        (await fleet.RunAsync("deploy", service, "-f", fleet.Define(service, Definition(service)))).OrThrow();
        var before = await SplitFleet.ContainersAsync(service);
        var registered = (await master.Agent.ListServicesAsync(new ListServicesRequest(), master.Operation())).Services.Single(s => s.Spec.Name == service);
        var first = new DrillServiceRequest { Spec = registered.Spec };
        // As a snapshot remembers them: without the node's own ids.
        first.Images.AddRange(registered.Images.Select(i => new ComponentImage { Component = i.Component, Reference = i.Reference, Digest = i.Digest }));

        var good = await master.DrillAsync(first, await PackAsync(fleet, "good", "right"));
        await Assert.That((good.Success, good.Error)).IsEqualTo((true, "")).Because(string.Join('\n', good.Steps));
        await Assert.That(good.Steps.Select(s => s.Step)).IsEquivalentTo(["check", "images", "receive", "verify", "containers", "health", "clean"]);
        await NothingLeftAsync(fleet);

        // The service refuses to start on other data: that is what a drill is for.
        var bad = await master.DrillAsync(first, await PackAsync(fleet, "bad", "wrong"));
        await Assert.That(bad.Success).IsFalse();
        await Assert.That(bad.Error).Contains("not my data");
        await Assert.That(bad.Steps.Last(s => !s.Success).Step).IsEqualTo("health");
        await NothingLeftAsync(fleet);

        // Killed while it waits for health, in a network that leads nowhere.
        var slow = first.Clone();
        slow.Spec.Components[0].Health = new HealthSpec { Type = "exec", Cmd = { "false" }, Timeout = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromMinutes(2)) };
        var drilling = master.DrillAsync(slow, fleet.PathOf("good.tar.zst"));
        await Wait.UntilAsync("it is under way", async () => (await DrillsAsync()).Length > 0);
        var network = (await TestPodman.RunAsync(["network", "ls", "--filter", "label=mcp.drill", "--format", "{{.Name}} {{.Internal}}"])).OrThrow();
        var inspected = (await TestPodman.RunAsync(["network", "inspect", network.Output.Split(' ')[0]])).OrThrow();
        await Assert.That(inspected.Output.Replace(" ", "", StringComparison.Ordinal)).Contains("\"internal\":true");
        // It is nobody's container to wonder at.
        await Assert.That((await master.Agent.LiveCheckAsync(new LiveCheckRequest(), master.Operation())).Unmanaged.Select(c => c.Name)).DoesNotContain(n => n.StartsWith("mcp-drill-", StringComparison.Ordinal));
        fleet.Agent.KillNow();
        await fleet.Agent.EndedAsync();
        await Assert.That(async () => await drilling).ThrowsException();
        fleet.Agent.Start();
        await fleet.UntilHealthyAsync();
        await Wait.UntilAsync("the start has cleared up", async () => (await DrillsAsync()).Length == 0);
        await NothingLeftAsync(fleet);
        await Assert.That(await SplitFleet.ContainersAsync(service)).IsEquivalentTo(before);
    }

    private static async Task<string[]> DrillsAsync() =>
        (await TestPodman.RunAsync(["ps", "-aq", "--filter", "label=mcp.drill"])).OrThrow().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static async Task NothingLeftAsync(SplitFleet fleet)
    {
        await Wait.UntilAsync("nothing is left of the drill", async () =>
            (await DrillsAsync()).Length == 0 && (await TestPodman.RunAsync(["network", "ls", "-q", "--filter", "label=mcp.drill"])).OrThrow().Output.Trim().Length == 0
            && Directory.GetFileSystemEntries(Path.Combine(fleet.DataRoot, ".mcp/staging")).Length == 0);
    }

    private static async Task<string> PackAsync(SplitFleet fleet, string name, string content)
    {
        Directory.CreateDirectory(fleet.PathOf($"{name}/data"));
        await File.WriteAllTextAsync(fleet.PathOf($"{name}/data/content"), content);
        var stored = fleet.PathOf($"{name}.tar.zst");
        (await Shell.RunAsync("tar", ["--zstd", "-C", fleet.PathOf(name), "-cf", stored, "."])).OrThrow();
        return stored;
    }

    private static string Definition(string service) => $$"""
        name = "{{service}}"

        [[components]]
        name    = "{{service}}"
        image   = "{{TestPodman.BusyboxImage}}"
        cmd     = ["sh", "-c", "[ -e /data/content ] || echo right > /data/content; grep -q right /data/content || { echo not my data; exit 3; }; httpd -f -p $PORT -h /data & trap 'exit 0' TERM; wait"]
        volumes = ["/srv/{{service}}/data:/data"]

        [components.health]
        type     = "http"
        path     = "/content"
        interval = "200ms"
        timeout  = "20s"

        [[components.routes]]
        name = "web"
        port = 8443
        mode = "l4"
        """;
}
