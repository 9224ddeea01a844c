using Mcp.Errors;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Cli.Output;

/// <summary>What a deployment left behind: node, generation, components, where it is reached, what was skipped and why.</summary>
internal sealed class DeployReport(CommandContext context)
{
    /// <summary>Prints it and answers the exit code.</summary>
    public int Print(ServiceTarget target, DeployResponse outcome)
    {
        var where = outcome.Node.Length > 0 ? $" on {outcome.Node}" : "";
        if (outcome.Success)
        {
            var already = outcome.AlreadyDone ? " (this operation was done before)" : "";
            context.Screen.Line(outcome.Unchanged
                ? $"{target.Service}{where} is unchanged, generation {outcome.Generation}{already}"
                : $"{target.Service} is deployed{where}, generation {outcome.Generation}{already}");
        }
        PrintComponents(outcome);
        foreach (var port in outcome.Ports)
            context.Screen.Line($"  {Reach(port)}");
        foreach (var step in outcome.Steps.Where(s => s.Skipped))
            context.Screen.Line($"  skipped {step.Step}: {step.Error}");
        StepWarnings.Print(context, outcome.Steps);
        foreach (var warning in outcome.Warnings)
            context.Reporter.Warning(warning);
        if (outcome.Success)
            return ExitCode.Done;

        var failed = outcome.Steps.FirstOrDefault(s => !s.Success && !s.Skipped);
        context.Reporter.Error(outcome.ErrorDetail is { What.Length: > 0 } detail
            ? RpcFault.FromDetail(FaultCode.Aborted, detail)
            : new McpException(FaultCode.Aborted, outcome.Error.Length > 0 ? outcome.Error : $"deploy of {target} failed")
            {
                Node = outcome.Node.Length > 0 ? outcome.Node : null,
                Step = failed?.Step,
                Cause = failed?.Error,
                Hint = $"mcp logs {target.Service} -n 20",
            });
        return ExitCode.Error;
    }

    private void PrintComponents(DeployResponse outcome)
    {
        if (outcome.Unchanged || outcome.Components.Count == 0)
            return;
        foreach (var c in outcome.Components)
        {
            var hex = c.ImageDigest[(c.ImageDigest.IndexOf(':', StringComparison.Ordinal) + 1)..];
            context.Screen.Line($"  {c.Action,-9}  {c.Component}{(hex.Length > 0 ? $"  (image {hex[..Math.Min(12, hex.Length)]})" : "")}");
        }
    }

    private static string Reach(HostPort port)
    {
        var address = port.HostIp.Contains(':', StringComparison.Ordinal) ? $"[{port.HostIp}]" : port.HostIp;
        return port.Route.Length > 0
            ? $"route {port.Route}: http://{address}:{port.HostPort_}  ({port.Hostname}:{port.Listener} once a proxy serves it)"
            : $"port {address}:{port.HostPort_} -> {port.ContainerPort}";
    }
}
