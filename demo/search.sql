-- The five packages nearest to vector :q among those that meet :condition.
SELECT package, section, left(summary, 60) AS summary, round((1 - (embedding <=> :'q'))::numeric, 3) AS similarity
  FROM packages
 WHERE :condition
 ORDER BY embedding <=> :'q', package
 LIMIT 5;
