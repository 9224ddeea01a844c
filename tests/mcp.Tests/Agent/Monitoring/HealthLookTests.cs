using Mcp.Agent;
using Mcp.Agent.Monitoring;
using Mcp.Alerts;
using Mcp.Tests.Podman;
using Mcp.V1;

namespace Mcp.Tests.Agent.Monitoring;

/// <summary>What is said of a container's health to somebody who looks and does not wait.</summary>
internal sealed class HealthLookTests
{
    [Test]
    public async Task One_that_is_too_slow_for_a_look_is_what_the_monitor_calls_it()
    {
        await using var bench = new MonitorBench(limits: FakePodman.Quick with { Change = TimeSpan.FromMinutes(1) });
        bench.Podman.On("POST", $"containers/{MonitorBench.Container}/exec", answer => answer.HangAsync());
        await Assert.That(await AskAsync(bench)).IsEqualTo("");
        bench.Parts.Alerts.Open(new AlertNotice(new AlertSubject(HealthWatch.Unhealthy, "", "notes", "web"), "error", "it is not healthy for 30 s", "mcp logs notes"));
        await Assert.That(await AskAsync(bench)).IsEqualTo("unhealthy");
    }

    [Test]
    public async Task One_that_answers_is_what_it_answers()
    {
        await using var bench = new MonitorBench();
        bench.Podman.On("POST", $"containers/{MonitorBench.Container}/exec", 500, """{"cause":"no","message":"no exec here","response":500}""");
        await Assert.That(await AskAsync(bench)).IsEqualTo("unhealthy");
    }

    private static async Task<string> AskAsync(MonitorBench bench)
    {
        var service = bench.Parts.Services.Find("notes")!;
        service.Spec.Components[0].Health = new HealthSpec { Type = "exec", Cmd = { "true" } };
        var container = new ContainerStatus { Service = "notes", Component = "web", Id = MonitorBench.Container, State = "running" };
        await new HealthLook(bench.Parts, AgentComposition.Of(bench.Parts).Health).AskAsync(service, [container], CancellationToken.None);
        return container.Health;
    }
}
