using Mcp.Definitions;
using Mcp.Planning;
using Mcp.Tests.Definitions;
using Mcp.V1;

namespace Mcp.Tests.Planning;

/// <summary>A second sync right after a sync does nothing, whatever field differed.</summary>
internal sealed class ConvergenceTests
{
    [Test]
    public async Task Every_field_that_differs_is_a_change_once_and_never_again()
    {
        var generator = new SpecGenerator(1404);
        for (var round = 0; round < 40; round++)
        {
            var spec = generator.Next();
            foreach (var (field, changed) in RoundTripTests.Mutations(spec))
            {
                // As deployed before, wished now: and after a sync, deployed as it was wished.
                var (before, after) = (PlanOf(SpecBuilder.Complete(changed), PlanBench.Running(spec)), PlanOf(changed, PlanBench.Running(SpecBuilder.Complete(changed))));
                if (spec.Name == changed.Name)
                    await Assert.That(before.Changes).IsEqualTo(1u).Because($"{field} differs");
                var settled = SpecBuilder.Complete(changed).Active ? after : PlanOf(changed, PlanBench.Stopped(SpecBuilder.Complete(changed)));
                await Assert.That((settled.Changes, settled.Unknown)).IsEqualTo((0u, 0u)).Because($"{field} was synced already");
            }
        }
    }

    private static Plan PlanOf(ServiceSpec wished, DeployedService is_) => Planner.Make(new PlanBench { Desired = { wished }, Deployed = { is_ } }.Facts());
}
