using Mcp.Errors;
using Mcp.Operations;
using Mcp.V1;

namespace Mcp.Agent.Deploying;

/// <summary>
/// What a deploy here would be refused for, found out before a service is stopped elsewhere in order to come here: its rules, this node's policy,
/// names, ports, and with "images" whether every image is here or can be got, by making it local. The data is not here yet, so neither it nor env
/// files are looked at. Nothing but the store of images changes.
/// </summary>
internal sealed class DeployRehearsal(DeploymentChecks checks, ImagePreparation images)
{
    /// <summary>Checks, or throws what a deploy would be refused for.</summary>
    /// <exception cref="McpException">The refusal.</exception>
    public async Task<AgentDeployResult> RunAsync(DeployOrder order, OperationScope scope, CancellationToken stop)
    {
        if (order.Only is not ("check" or "images"))
            throw new McpException(FaultCode.InvalidArgument, $"'{Text.Printable.Line(order.Only, 40)}' is not what a deploy can be confined to: check, images");
        var result = new AgentDeployResult { SpecHash = await scope.StepAsync("validate", () => checks.CheckBeforeDataAsync(order, stop)) };
        if (order.Only == "images")
            await scope.StepAsync("images", () => PrepareAsync(order, result, scope, stop));
        result.Steps.AddRange(scope.Steps);
        return result;
    }

    private async Task PrepareAsync(DeployOrder order, AgentDeployResult result, OperationScope scope, CancellationToken stop)
    {
        foreach (var component in order.Spec.Components)
        {
            var known = order.Images.FirstOrDefault(i => i.Component == component.Name && i.Reference == component.Image);
            var image = await images.PrepareAsync(component, known, pull: false, scope, stop);
            ImagePreparation.RequireCovered(order.Spec, component, image.Detail);
            result.Images.Add(image.Pin);
        }
    }
}
