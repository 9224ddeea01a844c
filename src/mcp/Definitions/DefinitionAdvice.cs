using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>What is allowed and does something, but perhaps not what its writer thinks.</summary>
internal static class DefinitionAdvice
{
    /// <summary>Key and warning.</summary>
    public static IEnumerable<(string Key, string Message)> Of(ServiceSpec spec)
    {
        for (var c = 0; c < spec.Components.Count; c++)
        {
            var component = spec.Components[c];
            if (component.Cmd.Count > 0 && component.Cmd[0].StartsWith('-'))
                yield return ($"components[{c}].cmd[0]", "begins with -: it is the first argument of the image's entry point, and never an option of podman");
            for (var r = 0; r < component.Routes.Count; r++)
            {
                if (component.Routes[r] is { BackendTls: true, Mode: "l4" })
                    yield return ($"components[{c}].routes[{r}].backend_tls", "has no effect with mode \"l4\", which passes TLS through to the container anyway");
            }
        }
    }
}
