using Mcp.Errors;
using Mcp.Names;

namespace Mcp.Cli;

/// <summary>What the operator named: a service, or one component of it as <c>service/component</c>.</summary>
/// <param name="Service">The service.</param>
/// <param name="Component">The component; empty: all of them.</param>
internal sealed record ServiceTarget(string Service, string Component)
{
    /// <summary>Reads <c>service</c> or <c>service/component</c>.</summary>
    /// <exception cref="McpException">A part is not a name.</exception>
    public static ServiceTarget Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var service = slash < 0 ? text : text[..slash];
        if (!ServiceName.TryParse(service, out _, out var problem))
            throw new McpException(FaultCode.InvalidArgument, $"the service's name '{service}' {problem}") { Hint = "mcp list" };
        if (slash < 0)
            return new ServiceTarget(service, "");
        var component = text[(slash + 1)..];
        return ComponentName.TryParse(component, out _, out problem)
            ? new ServiceTarget(service, component)
            : throw new McpException(FaultCode.InvalidArgument, $"the component's name '{component}' {problem}") { Hint = $"mcp service show {service}" };
    }

    /// <inheritdoc/>
    public override string ToString() => Component.Length == 0 ? Service : $"{Service}/{Component}";
}
