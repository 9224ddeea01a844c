using Mcp.Agent.Deploying;
using Mcp.EndToEnd.Harness;
using Mcp.V1;

namespace Mcp.EndToEnd.Agent;

/// <summary>
/// A container that ends as soon as it runs, and that podman's restart policy starts again and again: between two of its lives podman's own stop does nothing. Stopped at
/// whatever moment, gently or not, it stays stopped, or an import would be made under it.
/// </summary>
internal sealed class CrashLoopTests
{
    /// <summary>Podman starts such a container again within tenths of a second; longer than that nothing may happen.</summary>
    private static readonly TimeSpan Still = TimeSpan.FromSeconds(3);

    [Test]
    [Arguments(false)]
    [Arguments(true)]
    public async Task A_crashing_container_that_was_stopped_stays_stopped(bool gently)
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var good = Path.Combine(bench.DataRoot, name, "data", "good");
        Directory.CreateDirectory(Path.GetDirectoryName(good)!);
        await File.WriteAllTextAsync(good, "");
        await bench.DeployAsync(AgentBench.Spec($$"""
            name = "{{name}}"

            [[components]]
            name    = "{{name}}"
            image   = "{{TestPodman.BusyboxImage}}"
            cmd     = ["sh", "-c", "test -f /data/good || exit 1; trap 'exit 0' TERM; sleep 3600 & wait"]
            volumes = ["/srv/{{name}}/data:/data"]
            """));
        var id = (await bench.ContainersAsync(name)).Single().Id;
        File.Delete(good);

        for (var round = 0; round < 5; round++)
        {
            var lives = await RestartsAsync(bench, id);
            // Not by podman, which takes its own kill for a wish.
            if (round == 0)
                (await Shell.RunAsync("kill", ["-KILL", $"{(await bench.Podman.InspectContainerAsync(id, CancellationToken.None))!.Pid}"])).OrThrow();
            else
                (await TestPodman.RunAsync(["start", id])).OrThrow();
            await Wait.UntilAsync("it crashes again and again", async () => await RestartsAsync(bench, id) != lives);

            await bench.Agent.Operations.StopAsync(
                AgentBench.Asker(), new StopServiceRequest { Service = name, HeldBy = gently ? "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee" : "" }, CancellationToken.None);

            var stopped = await RestartsAsync(bench, id);
            var clock = TimeProvider.System.GetTimestamp();
            while (TimeProvider.System.GetElapsedTime(clock) < Still)
            {
                var now = (await bench.Podman.InspectContainerAsync(id, CancellationToken.None))!;
                await Assert.That(OwnedContainers.IsActive(now.Status)).IsFalse().Because($"round {round}: it was stopped and is {now.Status}");
                await Assert.That(now.RestartCount).IsEqualTo(stopped).Because($"round {round}: podman started it again after its stop");
                await Task.Delay(50);
            }
        }
    }

    private static async Task<int> RestartsAsync(AgentBench bench, string id) => (await bench.Podman.InspectContainerAsync(id, CancellationToken.None))!.RestartCount;
}
