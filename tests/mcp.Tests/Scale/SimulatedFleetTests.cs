using Mcp.Tests.Master;
using Mcp.V1;

namespace Mcp.Tests.Scale;

public class SimulatedFleetTests
{
    [Test]
    public async Task Three_simulated_agents_and_a_real_one_on_a_simulated_runtime_are_one_fleet()
    {
        await using var fleet = await SmallFleet.StartAsync(nodes: 3, services: 15);
        await Assert.That(await fleet.RegisterAllAsync()).IsEquivalentTo(new Errors.FaultCode?[] { null, null, null });
        var real = await fleet.AddRealAgentAsync("ant");
        await fleet.UntilHealthyAsync();
        for (var i = 0; i < 5; i++)
        {
            var name = $"real{i}";
            var answer = await fleet.Admin.DeployAsync(
                new DeployRequest { Service = MasterBench.Spec(name, s => s.Node = "ant") }, MasterBench.Operation());
            await Assert.That(answer.Success).IsTrue();
        }
        await Assert.That(real.Runtime.Containers.Running).IsEqualTo(5);
        var status = await fleet.Admin.StatusAsync(new StatusRequest());
        await Assert.That(status.Services.Count(s => s.Status == "running")).IsEqualTo(20);
        await Assert.That(status.Findings).IsEmpty();

        // What is done behind the agent's back shows: nothing in between remembers what should be.
        var container = status.Services.Single(s => s.Name == "real3").Containers.Single().Id;
        real.Runtime.Containers.Stop(container, 3);
        await MasterBench.UntilAsync(
            async () => (await fleet.Admin.StatusAsync(new StatusRequest { ServiceName = "real3" })).Services.Single().Status == "stopped", "the end of real3 shows");
        await fleet.Admin.UndeployAsync(new UndeployRequest { ServiceName = "real1" }, MasterBench.Operation());
        await Assert.That(real.Runtime.Containers.Running).IsEqualTo(3);
    }
}
