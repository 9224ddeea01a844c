using Mcp.Text;
using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>One field that differs between two specs.</summary>
/// <param name="Path"><c>components.notes.image</c>, <c>components.notes.env.LOG</c>.</param>
/// <param name="Old">"" when it was absent; for environment values a short hash.</param>
/// <param name="New">"" when it is absent; for environment values a short hash.</param>
internal sealed record SpecChange(string Path, string Old, string New)
{
    /// <summary><c>path: old → new</c>.</summary>
    public override string ToString() => $"{Path}: {(Old.Length > 0 ? Old : "(none)")} → {(New.Length > 0 ? New : "(none)")}";
}

/// <summary>What differs between two specs of a service, in the order of the definition; safe to print.</summary>
internal static class SpecDifference
{
    private const int MaxText = 300;

    /// <summary>Every difference; empty when the specs are equal, left-out defaults or not.</summary>
    public static IReadOnlyList<SpecChange> Between(ServiceSpec before, ServiceSpec after)
    {
        var (old, @new) = (ByPath(before), ByPath(after));
        var changes = new List<SpecChange>();
        foreach (var path in old.Keys.Concat(@new.Keys.Where(p => !old.ContainsKey(p))))
        {
            var (was, becomes) = (old.GetValueOrDefault(path, ""), @new.GetValueOrDefault(path, ""));
            if (was != becomes)
                changes.Add(new SpecChange(Printable.Line(path, MaxText), Printable.Line(was, MaxText), Printable.Line(becomes, MaxText)));
        }
        return changes;
    }

    private static OrderedDictionary<string, string> ByPath(ServiceSpec spec)
    {
        var texts = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var field in SpecFields.Of(spec))
        {
            if (field.Path.EndsWith(".env", StringComparison.Ordinal))
            {
                // The names in their order, and each value as a hash: a value may be a password.
                texts.TryAdd(field.Path, Join(field.Values.Select(v => v.Split('=')[0])));
                foreach (var value in field.Values)
                {
                    var equals = Math.Max(0, value.IndexOf('='));
                    texts.TryAdd($"{field.Path}.{value[..equals]}", SpecHash.OfSecret(value[equals..]));
                }
            }
            else
                texts.TryAdd(field.Path, field.IsList ? Join(field.Values) : field.Values[0]);
        }
        return texts;
    }

    private static string Join(IEnumerable<string> values) => $"[{string.Join(", ", values)}]";
}
