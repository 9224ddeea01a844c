using System.Globalization;
using Mcp.Names;
using Mcp.V1;

namespace Mcp.Definitions.Rules;

/// <summary>The plain keys of a component.</summary>
internal static class ComponentRule
{
    public static void Check(ServiceSpec spec, ComponentSpec component, string key, SpecProblems problems)
    {
        if (component.Name.Length == 0)
            problems.Add($"{key}.name", "is missing; a component is named by a DNS label");
        // A component that bears its service's name is named by the service: mcp-master has no other way to be called so.
        else if (component.Name != spec.Name && !ComponentName.TryParse(component.Name, out _, out var problem))
            problems.Add($"{key}.name", $"\"{component.Name}\" {problem}");

        problems.AddIf($"{key}.image", ImageReference.TryParse(component.Image, out var image, out var imageProblem) ? image.PinProblem : imageProblem);

        if (component.Network is not ("" or "mcpnet" or "host"))
            problems.Add($"{key}.network", $"is \"{component.Network}\"; allowed are \"mcpnet\" and \"host\"; without the key the service has a network of its own");
        if (component.Restart is not ("no" or "on-failure" or "always" or "unless-stopped"))
            problems.Add($"{key}.restart", $"is \"{component.Restart}\"; allowed are \"no\", \"on-failure\", \"always\" and \"unless-stopped\"");
        if (component.User.Length > 0)
            problems.AddIf($"{key}.user", UserProblem(component.User));
    }

    private static string? UserProblem(string user)
    {
        var parts = user.Split(':');
        return parts.Length <= 2 && parts.All(IsUser)
            ? null
            : $"is \"{user}\"; a user is \"1000\", \"1000:1000\" or names that the image knows, as \"app:app\"";
    }

    private static bool IsUser(string part) =>
        part.Length is >= 1 and <= 32
        && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.')
        && part[0] is not ('-' or '.')
        // 2^32-1 means "unchanged" to the kernel.
        && (!part.All(char.IsAsciiDigit) || (ulong.TryParse(part, CultureInfo.InvariantCulture, out var id) && id < uint.MaxValue));
}
