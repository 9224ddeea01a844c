using Mcp.Names;
using Mcp.V1;

namespace Mcp.Definitions.Rules;

/// <summary>What leads to a component.</summary>
internal static class RouteRule
{
    public static void Check(ComponentSpec component, string key, SpecProblems problems)
    {
        for (var i = 0; i < component.Routes.Count; i++)
        {
            var route = component.Routes[i];
            var at = $"{key}.routes[{i}]";
            if (route.Name.Length == 0)
                problems.Add($"{at}.name", "is missing; of several routes each has a name");
            else if (DnsLabel.Problem(route.Name) is { } nameProblem)
                problems.Add($"{at}.name", $"\"{route.Name}\" {nameProblem}");
            else if (component.Routes.Take(i).Any(r => r.Name == route.Name))
                problems.Add($"{at}.name", $"route \"{route.Name}\" is there already in this component");

            if (route.Port is 0 or > 65535)
                problems.Add($"{at}.port", route.Port == 0 ? "is missing; a route names a listener port of the node's proxy, as 8443" : $"is {route.Port}; allowed are 1 to 65535");
            if (route.ContainerPort > 65535)
                problems.Add($"{at}.container_port", $"is {route.ContainerPort}; allowed are 1 to 65535");
            if (route.Mode is not ("l4" or "l7"))
                problems.Add($"{at}.mode", ModeProblem(route.Mode));
            if (route.Hostname.Length > 0 && !Hostname.TryParse(route.Hostname, out _, out var hostProblem))
                problems.Add($"{at}.hostname", $"\"{route.Hostname}\" {hostProblem}");
            if (route.Public && route.Hostname.Length == 0)
                problems.Add($"{at}.public", "needs a hostname, which the world will use");
            if (route.Public && route.Mode == "l4")
                problems.Add($"{at}.public", "needs mode = \"l7\"; with \"l4\" the edge could not check what it passes on");
        }
    }

    /// <summary>Routes of all components meet on the same listeners.</summary>
    public static void CheckAcross(ServiceSpec spec, SpecProblems problems)
    {
        var names = new Dictionary<(string Hostname, uint Port), string>();
        var internals = new Dictionary<(string Name, uint Port), string>();
        for (var c = 0; c < spec.Components.Count; c++)
        {
            for (var r = 0; r < spec.Components[c].Routes.Count; r++)
            {
                var route = spec.Components[c].Routes[r];
                var at = $"components[{c}].routes[{r}]";
                if (route.Port == 0)
                    continue;
                if (!names.TryAdd((route.Hostname, route.Port), at))
                {
                    var name = route.Hostname.Length > 0 ? $"\"{route.Hostname}\"" : "the service's own name";
                    problems.Add(route.Hostname.Length > 0 ? $"{at}.hostname" : $"{at}.port",
                        $"{name} on port {route.Port} is taken already, by {names[(route.Hostname, route.Port)]}; give one of them another hostname or port");
                }
                // The second public route of a listener is known inside by its route name (contract §9).
                if (route.Public && route.Name.Length > 0 && !internals.TryAdd((route.Name, route.Port), at))
                {
                    if (spec.Components[c].Routes.Take(r).All(other => other.Name != route.Name))
                        problems.Add($"{at}.name", $"\"{route.Name}\" is the name of another public route on port {route.Port}, {internals[(route.Name, route.Port)]}; they need different names");
                }
            }
        }
    }

    private static string ModeProblem(string mode) => mode switch
    {
        "" => "is missing; allowed are \"l4\" (TLS passes through to the container) and \"l7\" (the proxy terminates TLS)",
        "tcp" => "is \"tcp\", which is not built yet; allowed are \"l4\" and \"l7\"",
        _ => $"is \"{mode}\"; allowed are \"l4\" and \"l7\"",
    };
}
